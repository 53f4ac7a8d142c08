#include "source/config/route.h"
#include "source/route/table.h"

#include <gtest/gtest.h>

#include "source/base/block.h"

namespace pillion::route {
namespace {

using config::Domain;

// As tables have them.
template <typename Part>
std::vector<std::shared_ptr<const Part>> Shared(std::vector<Part> parts) {
  std::vector<std::shared_ptr<const Part>> shared;
  for (Part& part : parts) shared.push_back(std::make_shared<const Part>(std::move(part)));
  return shared;
}

// A virtual host of that name with one route for everything, to a cluster of the same name.
config::VirtualHost Host(const std::string& name, std::vector<Domain> domains) {
  config::VirtualHost host{.name = name, .domains = std::move(domains)};
  host.routes = Shared<config::Route>(
      {{.name = name, .match = {.path = "/"}, .action = config::RouteAction{.cluster = name}}});
  return host;
}

Table MakeTable(std::vector<config::VirtualHost> hosts) {
  auto config = std::make_shared<config::RouteConfig>();
  config->virtual_hosts = Shared(std::move(hosts));
  return Table(std::move(config), [](const std::string& name) { return static_cast<uint32_t>(name.size()); });
}

const Entry* Match(const Table& table, std::string_view authority, std::string_view path) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  http::RequestHead head(arena);
  head.authority = authority;
  head.path = path;
  return table.Match(head, 0);
}

std::string RouteOf(const Table& table, std::string_view authority, std::string_view path = "/") {
  const Entry* entry = Match(table, authority, path);
  return entry == nullptr ? "-" : entry->route->name;
}

TEST(Table, TheDomainThatFitsBest) {
  const Table table = MakeTable({
      Host("any", {{Domain::Kind::kAny, ""}}),
      Host("prefix", {{Domain::Kind::kPrefix, "api."}}),
      Host("longer-prefix", {{Domain::Kind::kPrefix, "api.eu."}}),
      Host("suffix", {{Domain::Kind::kSuffix, ".test"}}),
      Host("longer-suffix", {{Domain::Kind::kSuffix, ".b.test"}}),
      Host("exact", {{Domain::Kind::kExact, "a.b.test"}, {Domain::Kind::kExact, "port.test:8080"}}),
  });
  EXPECT_EQ(RouteOf(table, "a.b.test"), "exact");
  EXPECT_EQ(RouteOf(table, "A.b.TEST"), "exact");
  EXPECT_EQ(RouteOf(table, "port.test:8080"), "exact");
  EXPECT_EQ(RouteOf(table, "x.b.test"), "longer-suffix");
  EXPECT_EQ(RouteOf(table, "x.test"), "suffix");
  EXPECT_EQ(RouteOf(table, "api.test"), "suffix");  // before any prefix
  EXPECT_EQ(RouteOf(table, "api.eu.org"), "longer-prefix");
  EXPECT_EQ(RouteOf(table, "api.us.org"), "prefix");
  // A star stands for one character at least.
  EXPECT_EQ(RouteOf(table, ".test"), "any");
  EXPECT_EQ(RouteOf(table, "api."), "any");
  EXPECT_EQ(RouteOf(table, "other"), "any");
  EXPECT_EQ(RouteOf(table, ""), "any");
}

TEST(Table, ARouteTellsWhetherAnybodyHasAWordOnFilters) {
  config::VirtualHost plain = Host("plain", {{Domain::Kind::kExact, "plain"}});
  config::VirtualHost of_host = Host("host", {{Domain::Kind::kExact, "host"}});
  of_host.filter_overrides.push_back({.filter = "f", .disabled = true});
  config::VirtualHost of_route = Host("route", {{Domain::Kind::kExact, "route"}});
  config::Route route = *of_route.routes[0];
  route.filter_overrides.push_back({.filter = "f", .disabled = true});
  of_route.routes = Shared<config::Route>({route});
  const Table table = MakeTable({plain, of_host, of_route});
  EXPECT_FALSE(Match(table, "plain", "/")->Has(Entry::kOverridesFilters));
  EXPECT_TRUE(Match(table, "host", "/")->Has(Entry::kOverridesFilters));
  EXPECT_TRUE(Match(table, "route", "/")->Has(Entry::kOverridesFilters));
}

TEST(Table, TheNearestLevelSaysWhatIsMirrored) {
  config::VirtualHost own = Host("own", {{Domain::Kind::kExact, "own"}});
  config::Route route = *own.routes[0];
  std::get<config::RouteAction>(route.action).mirrors = {{.cluster = "12"}, {.cluster = http::FieldName("x")}};
  own.routes = Shared<config::Route>({route});
  own.mirrors = {{.cluster = "1"}};
  config::VirtualHost host = Host("host", {{Domain::Kind::kExact, "host"}});
  host.mirrors = {{.cluster = "123"}};
  auto config = std::make_shared<config::RouteConfig>();
  config->mirrors = {{.cluster = "1234"}};
  config->virtual_hosts = Shared<config::VirtualHost>({own, host, Host("any", {{Domain::Kind::kAny, ""}})});
  const Table table(config, [](const std::string& name) { return static_cast<uint32_t>(name.size()); });
  EXPECT_EQ(Match(table, "own", "/")->more->mirror_clusters, (std::vector<uint32_t>{2, Entry::kNoCluster}));
  EXPECT_EQ(Match(table, "own", "/")->more->mirrors.size(), 2u);
  EXPECT_EQ(Match(table, "host", "/")->more->mirror_clusters, std::vector<uint32_t>{3});
  EXPECT_EQ(Match(table, "any", "/")->more->mirror_clusters, std::vector<uint32_t>{4});
}

TEST(Table, AFieldMaySayTheVirtualHost) {
  auto config = std::make_shared<config::RouteConfig>();
  config->host_header.emplace("x-host");
  config->virtual_hosts = Shared<config::VirtualHost>(
      {Host("a", {{Domain::Kind::kExact, "a"}}), Host("b", {{Domain::Kind::kExact, "b"}})});
  const Table table(config, [](const std::string&) { return 0u; });
  EXPECT_EQ(RouteOf(table, "a"), "a");
  base::BlockPool blocks;
  base::Arena arena(blocks);
  http::RequestHead head(arena);
  head.authority = "a";
  head.path = "/";
  head.headers.Add("x-host", "b");
  EXPECT_EQ(table.Match(head, 0)->route->name, "b");
}

TEST(Table, NoDomainFits) {
  const Table table = MakeTable({Host("a", {{Domain::Kind::kExact, "a.test"}})});
  EXPECT_EQ(RouteOf(table, "a.test"), "a");
  EXPECT_EQ(RouteOf(table, "b.test"), "-");
  EXPECT_EQ(RouteOf(table, "a.test."), "-");
  EXPECT_EQ(RouteOf(table, std::string(100'000, 'a')), "-");
}

TEST(Table, SuffixesOfAllLengths) {
  for (size_t size = 1; size < 40; ++size) {
    std::string suffix;
    for (size_t i = 0; i < size; ++i) suffix += static_cast<char>('a' + i % 26);
    const Table table = MakeTable({Host("s", {{Domain::Kind::kSuffix, suffix}})});
    EXPECT_EQ(RouteOf(table, "X" + suffix), "s") << size;
    EXPECT_EQ(RouteOf(table, suffix), "-") << size;
    EXPECT_EQ(RouteOf(table, "X" + suffix + "y"), "-") << size;
    suffix[size / 2] = '-';
    EXPECT_EQ(RouteOf(table, "x" + suffix), "-") << size;
  }
}

TEST(Table, ALongNameFitsOnlyTheStar) {
  const Table table = MakeTable({Host("any", {{Domain::Kind::kAny, ""}}), Host("s", {{Domain::Kind::kSuffix, ".test"}})});
  EXPECT_EQ(RouteOf(table, std::string(254, 'a') + ".test"), "s");
  EXPECT_EQ(RouteOf(table, std::string(60'000, 'a') + ".test"), "any");
}

TEST(Table, PortsMayBeIgnored) {
  auto config = std::make_shared<config::RouteConfig>();
  config->ignore_port_in_host_matching = true;
  config->virtual_hosts = Shared<config::VirtualHost>({Host("a", {{Domain::Kind::kExact, "a.test"}}),
                                                       Host("suffix", {{Domain::Kind::kSuffix, ".test"}}),
                                                       Host("six", {{Domain::Kind::kExact, "[::1]"}})});
  const Table table(std::move(config), [](const std::string&) { return 0u; });
  EXPECT_EQ(RouteOf(table, "a.test:80"), "a");
  EXPECT_EQ(RouteOf(table, "a.test"), "a");
  EXPECT_EQ(RouteOf(table, "b.test:80"), "suffix");
  EXPECT_EQ(RouteOf(table, "[::1]:80"), "six");
  EXPECT_EQ(RouteOf(table, "[::1]"), "six");
}

TEST(Table, ManyHosts) {
  std::vector<config::VirtualHost> hosts;
  for (int i = 0; i < 1000; ++i) {
    const std::string n = std::to_string(i);
    hosts.push_back(Host(n, {{Domain::Kind::kSuffix, ".s" + n + ".test"}, {Domain::Kind::kPrefix, "p" + n + "."}}));
  }
  const Table table = MakeTable(std::move(hosts));
  EXPECT_EQ(RouteOf(table, "a.s999.test"), "999");
  EXPECT_EQ(RouteOf(table, "p99.org"), "99");
  EXPECT_EQ(RouteOf(table, "s99.test"), "-");
}

TEST(Table, TheFirstRouteThatMatches) {
  using Path = match::RequestMatcher::Path;
  config::VirtualHost host{.name = "h", .domains = {{Domain::Kind::kAny, ""}}};
  host.routes = Shared<config::Route>({
      {.name = "exact", .match = {.kind = Path::kExact, .path = "/a"}, .action = config::RouteAction{.cluster = "x"}},
      {.name = "folded", .match = {.path = "/Users", .case_sensitive = false}, .action = config::RouteAction{.cluster = "x"}},
      {.name = "folded-exact", .match = {.kind = Path::kExact, .path = "/Me", .case_sensitive = false},
       .action = config::RouteAction{.cluster = "x"}},
      {.name = "prefix", .match = {.path = "/a"}, .action = config::RouteAction{.cluster = "x"}},
      {.name = "direct", .match = {.path = "/d"}, .action = config::DirectResponse{.status = 204}},
  });
  const Table table = MakeTable({host});
  EXPECT_EQ(RouteOf(table, "h", "/a"), "exact");
  EXPECT_EQ(RouteOf(table, "h", "/a?b=/c"), "exact");  // the query is not the path's (F12)
  EXPECT_EQ(RouteOf(table, "h", "/a/"), "prefix");
  EXPECT_EQ(RouteOf(table, "h", "/ab"), "prefix");
  EXPECT_EQ(RouteOf(table, "h", "/A"), "-");  // F8
  EXPECT_EQ(RouteOf(table, "h", "/uSERS/1"), "folded");
  EXPECT_EQ(RouteOf(table, "h", "/mE"), "folded-exact");
  EXPECT_EQ(RouteOf(table, "h", "/me/"), "-");
  EXPECT_EQ(RouteOf(table, "h", "?/a"), "-");
  EXPECT_EQ(RouteOf(table, "h", ""), "-");
  EXPECT_EQ(RouteOf(table, "h", "*"), "-");

  const Entry* direct = Match(table, "h", "/d");
  ASSERT_NE(direct, nullptr);
  EXPECT_EQ(direct->direct()->status, 204);
  EXPECT_EQ(direct->forward, nullptr);
  EXPECT_EQ(direct->cluster, Entry::kNoCluster);
  const Entry* forward = Match(table, "h", "/ab");
  ASSERT_NE(forward, nullptr);
  EXPECT_EQ(forward->direct(), nullptr);
  EXPECT_EQ(std::get<std::string>(forward->forward->cluster), "x");
  EXPECT_EQ(forward->cluster, 1u);
}

TEST(Table, ClustersOfARoute) {
  config::WeightedClusters weighted{.choices = {{.cluster = "ab", .weight = 1},
                                                {.cluster = http::FieldName("x-c"), .weight = 1},
                                                {.cluster = "abc", .weight = 1}},
                                    .total_weight = 3};
  config::VirtualHost host{.name = "h", .domains = {{Domain::Kind::kAny, ""}}};
  host.routes = Shared<config::Route>(
      {{.match = {.path = "/w"}, .action = config::RouteAction{.cluster = weighted}},
       {.match = {.path = "/h"}, .action = config::RouteAction{.cluster = http::FieldName("x-c")}}});
  const Table table = MakeTable({host});
  EXPECT_EQ(Match(table, "h", "/w")->more->choice_clusters, (std::vector<uint32_t>{2, Entry::kNoCluster, 3}));
  EXPECT_EQ(Match(table, "h", "/h")->cluster, Entry::kNoCluster);
}

// It outlives the table that it was made for.
TEST(Table, AVirtualHostThatStaysIsMadeOnce) {
  const auto one = std::make_shared<const config::VirtualHost>(Host("one", {{Domain::Kind::kExact, "one"}}));
  const auto two = std::make_shared<const config::VirtualHost>(Host("two", {{Domain::Kind::kExact, "two"}}));
  size_t asked = 0;
  const auto held = std::make_shared<const int>(0);
  const ClusterIndex clusters = [&](const std::string& name) {
    ++asked;
    return NamedCluster(static_cast<uint32_t>(name.size()), held);
  };
  const auto table_of = [&](std::vector<std::shared_ptr<const config::VirtualHost>> hosts, bool edits, const Table* former) {
    auto config = std::make_shared<config::RouteConfig>();
    config->virtual_hosts = std::move(hosts);
    if (edits) config->headers.request.remove.emplace_back("x");
    return std::make_unique<const Table>(std::move(config), clusters, former);
  };
  auto first = table_of({one, two}, false, nullptr);
  EXPECT_EQ(asked, 2u);
  const Entry* const entry = Match(*first, "two", "/");
  const auto other = std::make_shared<const config::VirtualHost>(Host("other", {{Domain::Kind::kExact, "one"}}));
  auto second = table_of({two, other}, false, first.get());
  EXPECT_EQ(asked, 3u);
  first.reset();
  EXPECT_EQ(held.use_count(), 3);  // here, and by each host
  EXPECT_EQ(Match(*second, "two", "/"), entry);
  EXPECT_EQ(Match(*second, "one", "/")->route->name, "other");
  // What the table says for all of its routes is the table's own.
  const auto edited = table_of({two, other}, true, second.get());
  EXPECT_EQ(asked, 5u);
  second.reset();
  EXPECT_EQ(Match(*edited, "two", "/")->more->request_edits.front(), &edited->config().headers.request);
  const auto plain = table_of({two, other}, false, edited.get());
  EXPECT_EQ(asked, 7u);
  EXPECT_EQ(Match(*plain, "two", "/")->more, nullptr);
}

TEST(Table, LevelsOfHeaderEdits) {
  config::LevelHeaderEdits edits;
  edits.request.remove.emplace_back("x");
  for (const bool specific_last : {false, true}) {
    auto config = std::make_shared<config::RouteConfig>();
    config->most_specific_edits_last = specific_last;
    config->headers = edits;
    config::VirtualHost host = Host("h", {{Domain::Kind::kAny, ""}});
    config::Route route = *host.routes[0];
    route.headers = edits;
    host.routes = Shared<config::Route>({route});
    config->virtual_hosts = Shared<config::VirtualHost>({host});
    const config::RouteConfig& c = *config;
    const Table table(config, [](const std::string&) { return 0u; });
    const Entry* entry = Match(table, "h", "/");
    std::vector<const config::HeaderEdits*> expected = {&c.virtual_hosts[0]->routes[0]->headers.request,
                                                         &c.headers.request};
    if (specific_last) std::swap(expected[0], expected[1]);
    EXPECT_EQ(entry->more->request_edits, expected);
    EXPECT_TRUE(entry->more->response_edits.empty());
    EXPECT_EQ(entry->more->choice_edits_last, specific_last);
  }
}

}  // namespace
}  // namespace pillion::route
