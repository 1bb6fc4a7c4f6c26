// What went over the wire, counted: a message costs an increment in an array.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/histogram.hpp"
#include "sip/message/message.hpp"
#include "sip/plan.hpp"

namespace usher::sip {

enum class Direction : std::uint8_t { in, out };

inline constexpr std::size_t kMethods = static_cast<std::size_t>(Method::other) + 1;

// From a request of ours to its final response.
inline constexpr Duration kTransactionBounds[] = {
    std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),  std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
    std::chrono::milliseconds(100), std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
    std::chrono::seconds(1),        std::chrono::milliseconds(2500), std::chrono::seconds(5),
    std::chrono::seconds(10),       std::chrono::seconds(30),        std::chrono::seconds(60)};

class Traffic {
 public:
  Traffic();

  // Retransmissions count like any message.
  void received(const Message& message, Side from);
  // Bytes that we have made. What is no SIP message is not counted.
  void sent(std::string_view bytes, Side to);
  // A request of ours has its first final response.
  void answered(Method method, Side by, Duration took);

  std::uint64_t requests(Method method, Side side, Direction direction) const;
  // `status` is 100 to 699.
  std::uint64_t responses(Method method, int status, Side side, Direction direction) const;
  const Histogram& transactions(Method method, Side side) const;

 private:
  static constexpr std::size_t kStatuses = 700;  // 0 stands for a request
  using Counts = std::array<std::uint64_t, 2 * 2 * kMethods * kStatuses>;
  static std::size_t place(Method method, int status, Side side, Direction direction);

  std::unique_ptr<Counts> counts_;
  std::array<std::array<Histogram, kMethods>, 2> transactions_;
};

}  // namespace usher::sip
