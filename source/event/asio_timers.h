#pragma once

// The main thread's timers over its asio loop.

#include <boost/asio/io_context.hpp>

#include "source/event/control_timer.h"

namespace pillion::event {

class AsioTimers final : public ControlTimers {
 public:
  // `io` outlives the timers.
  explicit AsioTimers(boost::asio::io_context& io) : io_(io) {}
  std::unique_ptr<ControlTimer> New() override;

 private:
  boost::asio::io_context& io_;
};

}  // namespace pillion::event
