<<<<<<< HEAD
// All parts of a kind: each is found by its name, however many there are.

#include "source/push/named_part.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>
=======
// What comes by name, of whichever kind: whoever waits for it may be done with it as soon as he is told, and the server with
// all of it.

#include "source/push/named_part.h"

#include <gmock/gmock.h>

#include "envoy/config/core/v3/core.pb.h"
#include "source/push/filter_configs.h"
#include "source/push/route_tables.h"
#include "test/unit/push/pushed.h"
>>>>>>> 9360d2b1 (Tests: that a callback ends its user is one typed test of named parts)

namespace pillion::push {
namespace {

<<<<<<< HEAD
struct Source {
  std::string name;
  int source = 0;
};

class Part {
 public:
  struct Log {
    size_t compared = 0;
    std::vector<std::string> asked;
    std::function<void(const std::string& name)> on_ask = [](const std::string&) {};
  };

  Part(Log& log, const Source& of) : log_(log), of_(of) {}

  const std::string& name() const { return of_.name; }
  int source() const { return of_.source; }
  bool Is(const Source& other) const {
    ++log_.compared;
    return of_.name == other.name && of_.source == other.source;
  }
  void Ask() {
    log_.asked.push_back(of_.name);
    const auto on_ask = log_.on_ask;  // what it calls may end this
    on_ask(of_.name);
  }

 private:
  Log& log_;
  const Source of_;
};

class NamedPartsTest : public testing::Test {
 protected:
  std::shared_ptr<Part> Use(const Source& source) {
    return parts_->Use(source, [&] {
      ++made_;
      return std::make_unique<Part>(log_, source);
    });
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    parts_->ForEach([&names](const Part& part) { names.push_back(part.name()); });
    return names;
  }

  Part::Log log_;
  size_t made_ = 0;
  std::unique_ptr<NamedParts<Part>> parts_ = std::make_unique<NamedParts<Part>>();
};

using Lines = std::vector<std::string>;

TEST_F(NamedPartsTest, ThousandsAreFoundByTheirNames) {
  constexpr size_t kParts = 5000;
  const auto name = [](size_t i) { return "table-" + std::to_string(i); };
  std::vector<std::shared_ptr<Part>> used;
  for (size_t i = 0; i < kParts; ++i) used.push_back(Use({name(i)}));
  EXPECT_EQ(log_.compared, 0u);
  for (size_t i = 0; i < kParts; ++i) {
    EXPECT_EQ(parts_->Find(Source{name(i)}), used[i].get());
    EXPECT_EQ(Use({name(i)}), used[i]);
  }
  EXPECT_EQ(log_.compared, 2 * kParts);
  EXPECT_EQ(made_, kParts);
  parts_->Start();
  EXPECT_EQ(log_.asked.size(), kParts);
  EXPECT_EQ(log_.compared, 2 * kParts);
  used.clear();
  EXPECT_TRUE(Names().empty());
}

TEST_F(NamedPartsTest, TwoSourcesMayHaveThatName) {
  const std::shared_ptr<Part> one = Use({"t", 1});
  std::shared_ptr<Part> two = Use({"t", 2});
  EXPECT_NE(one, two);
  EXPECT_EQ(Use({"t", 2}), two);
  EXPECT_EQ(parts_->Find(Source{"t", 1}), one.get());
  EXPECT_EQ(parts_->Find(Source{"t", 3}), nullptr);
  two.reset();
  EXPECT_EQ(parts_->Find(Source{"t", 2}), nullptr);
  EXPECT_EQ(parts_->Find(Source{"t", 1}), one.get());
}

TEST_F(NamedPartsTest, OneThatWasGoneIsAnotherOne) {
  std::shared_ptr<Part> a = Use({"a"});
  const std::shared_ptr<Part> b = Use({"b"});
  a.reset();
  EXPECT_EQ(parts_->Find(Source{"a"}), nullptr);
  a = Use({"a"});
  EXPECT_EQ(made_, 3u);
  EXPECT_EQ(Names(), (Lines{"b", "a"}));  // as they came
}

TEST_F(NamedPartsTest, EachIsAskedForOnce) {
  const std::shared_ptr<Part> a = Use({"a"});
  Use({"gone"});
  parts_->AskForNew();
  EXPECT_TRUE(log_.asked.empty());  // not before the start
  std::shared_ptr<Part> c;
  log_.on_ask = [&](const std::string& name) {
    if (name == "a") c = Use({"c"});
    parts_->AskForNew();
  };
  parts_->Start();
  parts_->AskForNew();
  EXPECT_EQ(log_.asked, (Lines{"a", "c"}));
}

TEST_F(NamedPartsTest, WhoIsAskedForMayEndOthersAndAll) {
  std::vector<std::shared_ptr<Part>> used = {Use({"a"}), Use({"b"}), Use({"c"})};
  log_.on_ask = [&](const std::string& name) {
    if (name == "a") used.erase(used.begin(), used.begin() + 2);  // with the one that is asked for
  };
  parts_->Start();
  EXPECT_EQ(log_.asked, (Lines{"a", "c"}));
  used = {Use({"d"}), Use({"e"})};
  log_.on_ask = [&](const std::string&) {
    used.clear();
    parts_.reset();
  };
  parts_->AskForNew();
  EXPECT_EQ(log_.asked, (Lines{"a", "c", "d"}));
=======
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
class NamedPartTest : public PushedTest {
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
TYPED_TEST_SUITE(NamedPartTest, Kinds);

TYPED_TEST(NamedPartTest, WhoWaitsMayEndHisUse) {
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
TYPED_TEST(NamedPartTest, WhoHasWaitedInVainMayEndHisUse) {
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

TYPED_TEST(NamedPartTest, WhoWaitsMayEndAllThatIsHere) {
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
>>>>>>> 9360d2b1 (Tests: that a callback ends its user is one typed test of named parts)
}

}  // namespace
}  // namespace pillion::push
