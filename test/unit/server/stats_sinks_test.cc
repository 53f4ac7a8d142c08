#include "source/server/stats_sinks.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "source/stats/registry.h"
#include "test/support/fake_caller.h"
#include "test/support/simulated_clock.h"

namespace pillion::server {
namespace {

// Connections whose other end is the test.
class FakeDialer final : public client::LineDialer {
 public:
  struct Made {
    std::string sent;
    bool open = false;
    std::function<void(const std::string& why)> ended;
  };

  std::unique_ptr<client::LineStream> Connect(const client::Target&, size_t,
                                              std::function<void(const std::string& why)> ended) override {
    made_.push_back(std::make_shared<Made>(Made{.sent = {}, .open = false, .ended = std::move(ended)}));
    return std::make_unique<Stream>(made_.back());
  }

  size_t size() const { return made_.size(); }
  Made& last() { return *made_.back(); }
  void End(const std::string& why) {
    last().open = false;
    std::exchange(last().ended, nullptr)(why);
  }

 private:
  class Stream final : public client::LineStream {
   public:
    explicit Stream(std::shared_ptr<Made> made) : made_(std::move(made)) {}
    bool Send(std::string bytes) override {
      made_->sent += bytes;
      return true;
    }
    bool is_open() const override { return made_->open; }

   private:
    const std::shared_ptr<Made> made_;
  };

  std::vector<std::shared_ptr<Made>> made_;
};

class StatsSinksTest : public testing::Test {
 protected:
  StatsSinksTest() { registry_.shard(0).gauge(registry_.AddGauge("g"))->Set(7); }

  bool Flush() { return sinks_.Flush(registry_.Read({.used_only = true})); }

  test::SimulatedClock clock_;
  stats::Registry registry_{1};
  test::FakeCaller caller_;
  FakeDialer dialer_;
  bool has_host_ = true;
  std::vector<std::string> log_;
  StatsSinks sinks_{{config::StatsSink{.to = std::string("collector"), .prefix = "p"}},
                    {.dialer = dialer_,
                     .caller = caller_,
                     .clock = clock_,
                     .node = {},
                     .host_of = [this](const std::string&) -> std::optional<client::Target> {
                       if (!has_host_) return std::nullopt;
                       return client::Target{};
                     },
                     .warn = [this](std::string_view line) { log_.emplace_back(line); }}};
};

TEST_F(StatsSinksTest, LinesGoOverOneConnection) {
  EXPECT_TRUE(Flush());
  dialer_.last().open = true;
  EXPECT_TRUE(Flush());
  EXPECT_EQ(dialer_.size(), 1u);
  EXPECT_EQ(dialer_.last().sent, "p.g:7|g\np.g:7|g\n");
  EXPECT_TRUE(log_.empty());
}

TEST_F(StatsSinksTest, EachOutageIsSaidOnce) {
  Flush();
  dialer_.End("refused");
  EXPECT_EQ(log_, (std::vector<std::string>{"statsd of cluster collector: refused; it is tried at each flush"}));
  // One that takes each connection and ends it is not back.
  for (int i = 0; i < 3; ++i) {
    Flush();
    dialer_.last().open = true;
    dialer_.End("the connection ended");
  }
  has_host_ = false;
  EXPECT_FALSE(Flush());
  EXPECT_EQ(log_.size(), 1u);
  has_host_ = true;
  Flush();
  dialer_.last().open = true;
  Flush();
  dialer_.End("the connection ended");
  has_host_ = false;
  EXPECT_FALSE(Flush());
  ASSERT_EQ(log_.size(), 2u);
  EXPECT_EQ(log_[1], "statsd of cluster collector: the connection ended; it is tried at each flush");
}

}  // namespace
}  // namespace pillion::server
