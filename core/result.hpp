// Errors of the peer, of a file, of an operator are values; our own bugs are assertions
// (core/check.hpp).
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace usher {

enum class Errc : std::uint8_t {
  syntax,       // the text is not of the form it claims to be
  range,        // well formed, outside its bounds
  limit,        // a limit of core/limits.hpp was met
  not_found,    // names something that does not exist
  conflict,     // exists already, or is in use
  unsupported,  // understood, deliberately not done
  io,           // the operating system or the disk said no
  unavailable,  // not now; may succeed later
};

struct Error {
  Errc code = Errc::syntax;
  std::string message;  // a whole clause for a reader: what was found and what was expected

  friend bool operator==(const Error&, const Error&) = default;
};

// Called by result::value() on an error: reaching it is a bug of ours.
[[noreturn]] inline void throw_exception_from_error(const Error& e, const boost::source_location&) {
  throw std::logic_error("unchecked error: " + e.message);
}

template <class T>
using Result = boost::system::result<T, Error>;

inline Error fail(Errc code, std::string message) {
  return Error{code, std::move(message)};
}

}  // namespace usher
