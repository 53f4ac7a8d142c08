#include "source/net/system_resolver.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

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
  SystemResolver resolver{io, 0};
};

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
    SystemResolver other(io, 3);
    other.Resolve("192.0.2.7", 80, DnsFamily::kV4Only, [&](Result) { ++told; });
  }
  io.restart();
  io.run();
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace pillion::net
