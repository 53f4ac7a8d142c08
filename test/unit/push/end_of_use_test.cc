// What comes by name, of whichever kind: whoever waits for it may be done with it as soon as he is told, and the server with
// all of it.

#include "source/push/named_part.h"

#include <gmock/gmock.h>

#include "envoy/config/core/v3/core.pb.h"
#include "source/push/filter_configs.h"
#include "source/push/route_tables.h"
#include "test/unit/push/pushed.h"

namespace pillion::push {
namespace {

using testing::Contains;
using testing::EndsWith;
using testing::IsEmpty;
using xds::Kind;
using Names = std::vector<std::string>;

// A kind of parts: which resources they are of, all of them, such a resource, and a connection manager that goes by some.
struct OfTables {
  static constexpr Kind kKind = Kind::kRoutes;
  using Parts = RouteTables;

  static std::unique_ptr<Parts> Make(xds::Planes& planes, const config::Resources& resources, Feed::Surroundings with) {
    return std::make_unique<Parts>(
        planes, resources,
        RouteTables::Targets{.clusters = [](const std::string&) { return 0u; },
                             .when_serving = [](const std::vector<std::string>&, std::function<void()> ready) { ready(); },
                             .publish = [](uint64_t, std::shared_ptr<const proxy::Routes>) {}},
        std::move(with));
  }
  static google::protobuf::Any Resource(const std::string& name) {
    return config::Resource<envoy::config::route::v3::RouteConfiguration>("{name: " + name + "}");
  }
};

struct OfFilters {
  static constexpr Kind kKind = Kind::kExtensions;
  using Parts = FilterConfigs;

  static std::unique_ptr<Parts> Make(xds::Planes& planes, const config::Resources& resources, Feed::Surroundings with) {
    return std::make_unique<Parts>(planes, resources, [] { return std::vector<std::string>(); }, std::move(with));
  }
  static google::protobuf::Any Resource(const std::string& name) {
    return config::Resource<envoy::config::core::v3::TypedExtensionConfig>(
        "{name: " + name + ", typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}}");
  }
};

template <typename Of>
class EndOfUseTest : public PushedTest {
 protected:
  using Use = typename Of::Parts::Use;

  // A listener that goes by these: a filter chain for each.
  std::unique_ptr<Use> For(typename Of::Parts& parts, const Names& names) {
    std::string chains;
    for (const std::string& name : names) {
      const std::string one = Of::kKind == Kind::kRoutes
                                  ? ManagerText("rds: {route_config_name: " + name + ", config_source: {ads: {}}}")
                                  : ManagerText("route_config: {virtual_hosts: [{name: v, domains: ['*']}]}",
                                                "{name: " + name + ", config_discovery: {config_source: {ads: {}}, type_urls: "
                                                "[type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors]}}, ");
      chains += (chains.empty() ? "" : ", ") + ("{filter_chain_match: {server_names: [" + name + ".test]}, filters: [" + one + "]}");
    }
    return parts.For(ListenerOfChains(chains));
  }
  std::unique_ptr<typename Of::Parts> Make() { return Of::Make(planes_, *process_.resources, with()); }
  void Come(const Names& names) {
    std::vector<Resource> resources;
    for (const std::string& name : names) resources.emplace_back(name, Of::Resource(name));
    Answer(Of::kKind, resources);
  }
  // What a part that has come calls for who waits: counts it, and then does `then`.
  auto Waiting(std::function<void()> then) {
    return [this, then](const std::string&) {
      return [this, then] {
        ++told_;
        then();
      };
    };
  }

  int told_ = 0;
};

using Kinds = testing::Types<OfTables, OfFilters>;
TYPED_TEST_SUITE(EndOfUseTest, Kinds);

TYPED_TEST(EndOfUseTest, WhoWaitsMayEndHisUse) {
  const auto parts = this->Make();
  parts->Start();
  this->planes_.Start();
  auto first = this->For(*parts, {"a"}), second = this->For(*parts, {"a"});
  const auto end = this->Waiting([&] {
    first.reset();
    second.reset();
  });
  first->WhenReady(end);
  second->WhenReady(end);
  this->Come({"a"});
  EXPECT_EQ(this->told_, 2);
  EXPECT_THAT(parts->all(), IsEmpty());
  EXPECT_THAT(this->Sent(), Contains(EndsWith(" -a")));
}

// One of two that do not come, which ends the use of the other one as well.
TYPED_TEST(EndOfUseTest, WhoHasWaitedInVainMayEndHisUse) {
  const auto parts = this->Make();
  parts->Start();
  this->planes_.Start();
  auto use = this->For(*parts, {"a", "b"});
  const auto end = this->Waiting([&] { use.reset(); });
  use->WhenReady(end);
  this->timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(this->told_, 1);
  EXPECT_THAT(parts->all(), IsEmpty());
  // At once, where nothing is waited for any more.
  use = this->For(*parts, {"a", "b"});
  this->timers_.Advance(std::chrono::seconds(15));
  use->WhenReady(end);
  EXPECT_EQ(this->told_, 2);
  EXPECT_THAT(parts->all(), IsEmpty());
}

TYPED_TEST(EndOfUseTest, WhoWaitsMayEndAllThatIsHere) {
  auto parts = this->Make();
  auto use = this->For(*parts, {"a"}), other = this->For(*parts, {"b"});
  const auto end = this->Waiting([&] {
    use.reset();
    other.reset();
    parts.reset();
  });
  use->WhenReady(end);
  other->WhenReady(end);
  parts->Start();
  this->planes_.Start();
  this->Come({"a", "b"});
  EXPECT_EQ(this->told_, 1);
  EXPECT_EQ(parts, nullptr);
}

}  // namespace
}  // namespace pillion::push
