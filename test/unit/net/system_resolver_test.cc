#include "source/net/system_resolver.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "test/support/simulated_timers.h"

namespace pillion::net {
namespace {

using Result = absl::StatusOr<ResolvedName>;
using List = std::vector<std::string>;

// What needs no server: addresses, and names that cannot be.
class SystemResolverTest : public testing::Test {
 public:
  Result Resolve(const std::string& name, DnsFamily family) {
    std::optional<Result> result;
    resolver.Resolve(name, 8080, family, [&](Result got) { result = std::move(got); });
    EXPECT_FALSE(result.has_value());
    io.restart();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!result && io.run_one_until(limit) > 0) {
    }
    return result.value_or(absl::InternalError("no answer"));
  }
  static List Texts(const Result& result) {
    List texts;
    if (!result.ok()) return {std::string(result.status().message())};
    for (const Address& address : result->addresses) texts.push_back(address.text());
    return texts;
  }

  boost::asio::io_context io{1};
  test::SimulatedClock clock;
  test::SimulatedTimers timers{clock};
  SystemResolver resolver{io, timers, 0};
};

// The C library's answers come when the test gives them.
class ScriptedResolver final : public SystemResolver {
 public:
  using SystemResolver::SystemResolver;

  // To the question that was asked first of those that are open.
  void Answer(boost::system::error_code error, const std::string& ip = {}) {
    ASSERT_FALSE(open.empty());
    const Found found = std::move(open.front().second);
    open.erase(open.begin());
    const Tcp::endpoint endpoint(boost::asio::ip::make_address(ip.empty() ? "0.0.0.0" : ip), 0);
    found(error, ip.empty() ? Tcp::resolver::results_type() : Tcp::resolver::results_type::create(endpoint, "", ""));
  }
  List names() const {
    List names;
    for (const auto& [name, found] : open) names.push_back(name);
    return names;
  }

  std::vector<std::pair<std::string, Found>> open;

 private:
  void Look(const std::string& name, int, Found found) override { open.emplace_back(name, std::move(found)); }
};

const boost::system::error_code kTryAgain = boost::asio::error::host_not_found_try_again;

TEST_F(SystemResolverTest, AddressesResolveToThemselves) {
  EXPECT_EQ(Texts(Resolve("192.0.2.7", DnsFamily::kV4Only)), (List{"192.0.2.7:8080"}));
  EXPECT_EQ(Texts(Resolve("192.0.2.7", DnsFamily::kAuto)), (List{"192.0.2.7:8080"})) << "there is none of IPv6";
  EXPECT_EQ(Texts(Resolve("2001:db8::7", DnsFamily::kV4Preferred)), (List{"[2001:db8::7]:8080"}));
  EXPECT_EQ(Texts(Resolve("2001:db8::7", DnsFamily::kAll)), (List{"[2001:db8::7]:8080"}));
  EXPECT_EQ(Resolve("192.0.2.7", DnsFamily::kV4Only)->ttl_s, 0u);
}

TEST_F(SystemResolverTest, NamesOfTheHostsFile) {
  EXPECT_EQ(Texts(Resolve("localhost", DnsFamily::kV4Only)), (List{"127.0.0.1:8080"}));
}

TEST_F(SystemResolverTest, EndsWithQuestionsOpen) {
  int told = 0;
  {
    SystemResolver other(io, timers, 3);
    other.Resolve("192.0.2.7", 80, DnsFamily::kV4Only, [&](Result) { ++told; });
  }
  io.restart();
  io.run();
  EXPECT_EQ(told, 0);
}

TEST_F(SystemResolverTest, WhoIsNotKnownJustNowIsAskedForAgainAfterAPause) {
  ScriptedResolver scripted(io, timers, 2);
  std::optional<Result> result;
  scripted.Resolve("a", 80, DnsFamily::kV4Only, [&](Result got) { result = std::move(got); });
  scripted.Answer(kTryAgain);
  EXPECT_EQ(scripted.names(), List{});
  // Others need not wait.
  int others = 0;
  scripted.Resolve("b", 80, DnsFamily::kV4Only, [&](const Result& got) { others += got.ok(); });
  scripted.Answer({}, "192.0.2.1");
  EXPECT_EQ(others, 1);
  timers.Advance(std::chrono::milliseconds(99));
  EXPECT_EQ(scripted.names(), List{});
  timers.Advance(std::chrono::milliseconds(1));
  EXPECT_EQ(scripted.names(), List{"a"});
  scripted.Answer(kTryAgain);
  timers.Advance(std::chrono::milliseconds(199));
  EXPECT_EQ(scripted.names(), List{});
  timers.Advance(std::chrono::milliseconds(1));
  scripted.Answer({}, "192.0.2.7");
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(Texts(*result), List{"192.0.2.7:80"});
}

TEST_F(SystemResolverTest, RetriesHaveABound) {
  ScriptedResolver scripted(io, timers, UINT32_MAX);
  std::optional<Result> result;
  scripted.Resolve("a", 80, DnsFamily::kV4Only, [&](Result got) { result = std::move(got); });
  uint32_t asked = 0;
  while (!result && asked < 100) {
    ASSERT_EQ(scripted.names(), List{"a"});
    ++asked;
    scripted.Answer(kTryAgain);
    if (!result) timers.Advance(SystemResolver::kLongestPause);
  }
  EXPECT_EQ(asked, 1 + SystemResolver::kMostRetries);
  EXPECT_EQ(result->status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(SystemResolverTest, OtherErrorsAreTold) {
  ScriptedResolver scripted(io, timers, 2);
  std::optional<Result> result;
  scripted.Resolve("a", 80, DnsFamily::kV4Only, [&](Result got) { result = std::move(got); });
  scripted.Answer(boost::asio::error::host_not_found);
  EXPECT_EQ(result->status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(timers.armed(), 0u);
}

TEST_F(SystemResolverTest, EndsWithPausesUnderWay) {
  int told = 0;
  {
    ScriptedResolver scripted(io, timers, 2);
    scripted.Resolve("a", 80, DnsFamily::kV4Only, [&](const Result&) { ++told; });
    scripted.Answer(kTryAgain);
    EXPECT_EQ(timers.armed(), 1u);
  }
  EXPECT_EQ(timers.armed(), 0u);
  timers.Advance(std::chrono::seconds(10));
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace pillion::net
