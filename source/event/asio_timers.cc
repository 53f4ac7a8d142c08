#include "source/event/asio_timers.h"

#include <boost/asio/steady_timer.hpp>
#include <utility>

namespace pillion::event {
namespace {

class AsioTimer final : public ControlTimer {
 public:
  explicit AsioTimer(boost::asio::io_context& io) : timer_(io) {}

  void Set(base::Duration after, std::function<void()> work) override {
    const uint64_t mine = ++*current_;
    timer_.expires_after(after);
    timer_.async_wait([current = current_, mine, work = std::move(work)](const boost::system::error_code&) {
      // A wait that was cancelled may have been queued already, and this may be gone.
      if (*current == mine) work();
    });
  }
  void Cancel() override {
    ++*current_;
    timer_.cancel();
  }
  ~AsioTimer() override { Cancel(); }

 private:
  boost::asio::steady_timer timer_;
  const std::shared_ptr<uint64_t> current_ = std::make_shared<uint64_t>(0);
};

}  // namespace

std::unique_ptr<ControlTimer> AsioTimers::New() { return std::make_unique<AsioTimer>(io_); }

}  // namespace pillion::event
