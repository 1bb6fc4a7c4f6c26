// The one thread of the process: an io_context, one timer, signals, and a door for other threads.
#pragma once

#include <functional>
#include <memory>

#include "core/lag.hpp"
#include "core/time.hpp"

namespace boost::asio {
class io_context;
}

namespace usher {

class Reactor {
 public:
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  boost::asio::io_context& context();

  // Both clocks, sampled now. Outside core/reactor.cpp nothing reads a clock.
  static Now now();

  // The timer: `handler` runs on the reactor thread at or soon after the deadline last set. One
  // handler, set once. set_deadline() replaces the deadline; an earlier one wakes earlier.
  void on_deadline(std::function<void(Now)> handler);
  void set_deadline(Instant when);
  void clear_deadline();

  // Runs `task` once, on the reactor thread, when this much time has gone by; not at all if the
  // reactor goes first.
  void after(Duration time, std::function<void()> task);

  // How late the timer wakes; sockets add how long a packet has waited for them.
  LagMeter& lag();

  // SIGINT, SIGTERM, SIGHUP arrive here, on the reactor thread, with the signal's number.
  void on_signal(std::function<void(int)> handler);

  // Runs `task` on the reactor thread; safe from any thread. Order is kept per calling thread.
  void post(std::function<void()> task);

  // Runs until stop(). Returns when nothing more will run.
  void run();
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher
