#include "source/net/resolver.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>

#include "test/support/dns_server.h"

namespace pillion::net {
namespace {

using std::chrono::milliseconds;
using Result = absl::StatusOr<ResolvedName>;

class ResolverTest : public testing::Test {
 public:
  void Make(ResolverOptions options = {}) {
    if (options.servers.empty()) options.servers = server.address();
    options.timeout = milliseconds(100);
    options.tries = 2;
    resolver = std::make_unique<DnsResolver>(io, options);
  }
  // Runs the loop until the answer is there.
  Result Resolve(const std::string& name, DnsFamily family = DnsFamily::kV4Only) {
    std::optional<Result> result;
    resolver->Resolve(name, 8080, family, [&](Result got) { result = std::move(got); });
    EXPECT_FALSE(result.has_value());
    RunUntil([&] { return result.has_value(); });
    return result.value_or(absl::InternalError("no answer"));
  }
  void RunUntil(const std::function<bool()>& condition) {
    io.restart();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition() && io.run_one_until(limit) > 0) {
    }
    EXPECT_TRUE(condition());
  }
  static std::vector<std::string> Texts(const Result& result) {
    std::vector<std::string> texts;
    if (!result.ok()) return {std::string(result.status().message())};
    for (const Address& address : result->addresses) texts.push_back(address.text());
    return texts;
  }
  using List = std::vector<std::string>;

  test::DnsServer server;
  boost::asio::io_context io{1};
  std::unique_ptr<DnsResolver> resolver;
};

TEST_F(ResolverTest, AddressesAndTheirTime) {
  Make();
  server.Set("be.test", {.v4 = {"10.1.0.1", "10.1.0.2"}, .ttl_s = 17});
  const Result result = Resolve("be.test");
  EXPECT_EQ(Texts(result), (List{"10.1.0.1:8080", "10.1.0.2:8080"}));
  EXPECT_EQ(result->ttl_s, 17u);
}

TEST_F(ResolverTest, Families) {
  Make();
  server.Set("both.test", {.v4 = {"10.1.0.1"}, .v6 = {"fd00::1"}});
  server.Set("four.test", {.v4 = {"10.1.0.4"}});
  server.Set("six.test", {.v6 = {"fd00::6"}});
  EXPECT_EQ(Texts(Resolve("both.test", DnsFamily::kAuto)), (List{"[fd00::1]:8080"}));
  EXPECT_EQ(Texts(Resolve("four.test", DnsFamily::kAuto)), (List{"10.1.0.4:8080"}));
  EXPECT_EQ(Texts(Resolve("both.test", DnsFamily::kV4Preferred)), (List{"10.1.0.1:8080"}));
  EXPECT_EQ(Texts(Resolve("six.test", DnsFamily::kV4Preferred)), (List{"[fd00::6]:8080"}));
  EXPECT_EQ(Texts(Resolve("both.test", DnsFamily::kV4Only)), (List{"10.1.0.1:8080"}));
  EXPECT_EQ(Texts(Resolve("both.test", DnsFamily::kV6Only)), (List{"[fd00::1]:8080"}));
  EXPECT_EQ(Resolve("four.test", DnsFamily::kV6Only).status().code(), absl::StatusCode::kNotFound);
  List all = Texts(Resolve("both.test", DnsFamily::kAll));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (List{"10.1.0.1:8080", "[fd00::1]:8080"}));
  EXPECT_EQ(Texts(Resolve("four.test", DnsFamily::kAll)), (List{"10.1.0.4:8080"}));
}

TEST_F(ResolverTest, NamesThatDoNotExist) {
  Make();
  const Result result = Resolve("nobody.test", DnsFamily::kAuto);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(result.status().message(), "cannot resolve \"nobody.test\": Domain name not found");
}

TEST_F(ResolverTest, FailuresOfTheServer) {
  Make();
  server.Set("broken.test", {.rcode = 2});
  EXPECT_EQ(Resolve("broken.test").status().code(), absl::StatusCode::kUnavailable);
  server.Set("silent.test", {.silent = true});
  EXPECT_EQ(Resolve("silent.test").status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(server.queries("silent.test"), 2);  // tries
}

TEST_F(ResolverTest, NobodyListens) {
  Make({.servers = "127.0.0.1:1"});
  EXPECT_FALSE(Resolve("any.test").ok());
  EXPECT_FALSE(Resolve("any.test").ok());  // with a new look at who the servers are
}

TEST_F(ResolverTest, AThousandAddressesComeOverTcp) {  // hostile inputs, O14
  Make();
  test::DnsServer::Answer answer;
  for (int i = 0; i < 1000; ++i) answer.v4.push_back("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  server.Set("many.test", answer);
  const Result result = Resolve("many.test");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->addresses.size(), 1000u);
  EXPECT_EQ(server.tcp_queries(), 1);
}

TEST_F(ResolverTest, AddressesResolveToThemselves) {
  Make();
  EXPECT_EQ(Texts(Resolve("192.0.2.7")), (List{"192.0.2.7:8080"}));
  EXPECT_EQ(Texts(Resolve("2001:db8::7", DnsFamily::kAuto)), (List{"[2001:db8::7]:8080"}));
}

TEST_F(ResolverTest, TheHostsFileComesFirst) {
  const std::string path = testing::TempDir() + "/hosts";
  std::ofstream(path) << "10.9.9.9 inhosts.test\n";
  setenv("CARES_HOSTS", path.c_str(), 1);
  Make();
  server.Set("inhosts.test", {.v4 = {"10.1.0.1"}});
  const Result result = Resolve("inhosts.test");
  unsetenv("CARES_HOSTS");
  EXPECT_EQ(Texts(result), (List{"10.9.9.9:8080"}));
  EXPECT_EQ(result->ttl_s, 0u);
  EXPECT_EQ(server.queries("inhosts.test"), 0);
}

TEST_F(ResolverTest, ManyNamesWaitForTheirTurn) {
  Make({.most_in_flight = 4});
  int done = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    server.Set(name, {.v4 = {"10.1.0.1"}, .delay = milliseconds(2)});
    resolver->Resolve(name, 80, DnsFamily::kV4Only, [&](Result result) {
      EXPECT_TRUE(result.ok()) << result.status();
      ++done;
    });
  }
  RunUntil([&] { return done == 40; });
  EXPECT_LE(server.most_at_once(), 4);
}

TEST_F(ResolverTest, WhoAsksMayAskAgainWhenTold) {
  Make();
  server.Set("a.test", {.v4 = {"10.1.0.1"}});
  int rounds = 0;
  std::function<void(Result)> again = [&](Result) {
    if (++rounds < 3) resolver->Resolve("a.test", 80, DnsFamily::kV4Only, again);
  };
  resolver->Resolve("a.test", 80, DnsFamily::kV4Only, again);
  RunUntil([&] { return rounds == 3; });
}

TEST_F(ResolverTest, OverTcpAlone) {
  Make({.tcp = true});
  server.Set("be.test", {.v4 = {"10.1.0.1"}});
  EXPECT_EQ(Texts(Resolve("be.test")), (List{"10.1.0.1:8080"}));
  EXPECT_EQ(server.tcp_queries(), 1);
}

TEST_F(ResolverTest, AnotherPortAfterSomeQuestions) {
  Make({.questions_per_port = 2});
  int done = 0;
  for (int i = 0; i < 7; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    server.Set(name, {.v4 = {"10.1.0.1"}, .delay = milliseconds(2)});
    resolver->Resolve(name, 80, DnsFamily::kV4Only, [&](Result result) {
      EXPECT_TRUE(result.ok()) << result.status();
      ++done;
    });
  }
  RunUntil([&] { return done == 7; });
  EXPECT_LE(server.most_at_once(), 2);
}

TEST_F(ResolverTest, ServersThatAreOnlyAFallback) {
  // resolv.conf names one, or c-ares would ask this machine: either way none of ours is asked where it does.
  Make({.servers_as_fallback = true, .search_domains = false, .rotate = true});
  server.Set("only-here.test", {.v4 = {"10.1.0.1"}});
  const Result result = Resolve("only-here.test");
  if (result.ok()) {
    EXPECT_EQ(server.queries("only-here.test"), 1) << "resolv.conf has none";
  } else {
    EXPECT_EQ(server.queries("only-here.test"), 0);
  }
}

TEST_F(ResolverTest, EndsWithQuestionsOpen) {
  Make();
  server.Set("silent.test", {.silent = true});
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    resolver->Resolve("silent.test", 80, DnsFamily::kAll, [&](Result) { ++told; });
  }
  RunUntil([&] { return server.queries("silent.test") >= 2; });
  resolver->Resolve("silent.test", 80, DnsFamily::kAll, [&](Result) { ++told; });
  resolver.reset();
  io.restart();
  io.run();
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace pillion::net
