#include "core/reactor.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdint>
#include <optional>
#include <utility>

namespace usher {

namespace asio = boost::asio;

namespace {

std::chrono::steady_clock::time_point to_steady(Instant when) {
  return std::chrono::steady_clock::time_point{when.time_since_epoch()};
}

}  // namespace

struct Reactor::Impl {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  asio::steady_timer timer{io};
  asio::signal_set signals{io};
  std::function<void(Now)> deadline_handler;
  std::function<void(int)> signal_handler;
  std::optional<Instant> deadline;
  std::optional<Instant> armed;  // what the Asio timer waits for
  std::uint64_t wait_number = 0;
  LagMeter lag;

  void arm(Instant when) {
    armed = when;
    const std::uint64_t number = ++wait_number;
    timer.expires_at(to_steady(when));
    // A wait that was replaced may already be queued as expired: only the last one counts.
    timer.async_wait([this, number](const boost::system::error_code&) {
      if (number == wait_number) wake();
    });
  }

  void wake() {
    const Now now = Reactor::now();
    if (armed) lag.note(now.mono, now.mono - *armed);
    armed.reset();
    if (!deadline) return;
    if (now.mono < *deadline) {
      arm(*deadline);
      return;
    }
    deadline.reset();
    if (deadline_handler) deadline_handler(now);
  }

  void wait_for_signal() {
    signals.async_wait([this](const boost::system::error_code& ec, int number) {
      if (ec) return;
      wait_for_signal();
      if (signal_handler) signal_handler(number);
    });
  }
};

Reactor::Reactor() : impl_(std::make_unique<Impl>()) {}
Reactor::~Reactor() = default;

boost::asio::io_context& Reactor::context() {
  return impl_->io;
}

Now Reactor::now() {
  using namespace std::chrono;
  return {Instant{floor<Duration>(steady_clock::now().time_since_epoch())},
          floor<milliseconds>(system_clock::now())};
}

void Reactor::on_deadline(std::function<void(Now)> handler) {
  impl_->deadline_handler = std::move(handler);
}

void Reactor::set_deadline(Instant when) {
  impl_->deadline = when;
  // One that only moved later is looked at again when the timer wakes: cheaper than arming anew for
  // each packet, which usually cancels the earliest timer and arms a later one.
  if (!impl_->armed || when < *impl_->armed) impl_->arm(when);
}

void Reactor::clear_deadline() {
  impl_->deadline.reset();
}

void Reactor::after(Duration time, std::function<void()> task) {
  const auto timer = std::make_shared<asio::steady_timer>(impl_->io, time);
  timer->async_wait([timer, task = std::move(task)](const boost::system::error_code& ec) {
    if (!ec) task();
  });
}

LagMeter& Reactor::lag() {
  return impl_->lag;
}

void Reactor::on_signal(std::function<void(int)> handler) {
  const bool first = !impl_->signal_handler;
  impl_->signal_handler = std::move(handler);
  if (!first) return;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) impl_->signals.add(number);
  impl_->wait_for_signal();
}

void Reactor::post(std::function<void()> task) {
  asio::post(impl_->io, std::move(task));
}

void Reactor::run() {
  impl_->io.run();
  // A stop() that came before run() is honoured; the next run() starts afresh.
  impl_->io.restart();
}

void Reactor::stop() {
  impl_->io.stop();
}

}  // namespace usher
