// The filter grey: what colours a request, where that goes, and what is told of it. Rules by themselves: test/unit/grey/.

#include "source/filters/grey/grey.h"

#include <gtest/gtest.h>

#include "source/filter/http_gate.h"
#include "source/filters/grey/without_context.h"
#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;
namespace grey_rules = filters::grey_rules;

constexpr std::string_view kType = "\"@type\": type.googleapis.com/pillion.filters.http.grey.v1.Grey";
const std::string kGray = "{name: gray, conditions: [{header: {name: X-Env, value: {exact: gray}}}], colour: {env: gray}}";

std::string Message(const std::string& fields) { return "{" + std::string(kType) + ", " + fields + "}"; }
std::string Rules(const std::string& rules, const std::string& more = "") {
  return Message("rules: [" + rules + "]" + (more.empty() ? "" : ", " + more));
}
// Of everybody, unless a condition is given.
std::string Rule(const std::string& name, const std::string& conditions, const std::string& more) {
  return "{name: " + name + ", conditions: [" + conditions + "], " + more + "}";
}
std::string PerRoute(const std::string& fields) {
  return "typed_per_filter_config: {grey: {\"@type\": type.googleapis.com/pillion.filters.http.grey.v1.GreyPerRoute, " + fields +
         "}}";
}
std::string Context(bool trusted) {
  return std::string("- {name: context, typed_config: {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, ") +
         "direction: INBOUND, edge: {baggage: [env, other]}, trust: {addresses: [{address_prefix: " +
         (trusted ? "0.0.0.0, prefix_len: 0" : "9.9.9.9, prefix_len: 32") + "}]}}}\n";
}

// What a lane is wished for, as the filters behind see it: "env=gray", "baseline!" where it fails closed, "nothing".
struct Wishes final : filter::HttpFilterConfig {
  struct Gate final : filter::HttpGate {
    explicit Gate(Lines& seen) : seen(seen) {}
    std::optional<filter::Reply> Check(filter::StreamContext& stream, const config::FilterConfig*) override {
      const upstream::LaneWish* const wish = stream.lane_wish();
      std::string text = wish == nullptr ? "nothing" : wish->labels.empty() ? "baseline" : "";
      for (size_t i = 0; wish != nullptr && i < wish->labels.size(); ++i) {
        text += (i == 0 ? "" : ",") + std::string(wish->labels[i].key) + "=" + std::string(wish->labels[i].value);
      }
      seen.push_back(text + (wish != nullptr && wish->fails_closed ? "!" : ""));
      return std::nullopt;
    }
    Lines& seen;
  };

  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext&) const override {
    return std::make_unique<Gate>(*seen);
  }
  Lines* seen = nullptr;
};

class GreyTest : public testing::Test {
 protected:
  // `before`: filters in front.
  void Start(const std::string& message, const std::string& before = "", ProxySettings settings = {}) {
    client_.reset();
    world_.reset();
    seen_.clear();
    settings.http_filters = before + "- {name: grey, typed_config: " + message + "}\n";
    settings.filter_log = "%DYNAMIC_METADATA(pillion.grey)%";
    auto wishes = std::make_shared<Wishes>();
    wishes->seen = &seen_;
    settings.further_filters = {{"wishes", wishes}};
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  // The lane that was wished for.
  std::string Lane(const std::string& fields = "", const std::string& path = "/direct") {
    client_->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    client_->Take();
    const std::string lane = seen_.empty() ? "not asked" : seen_.back();
    seen_.clear();
    return lane;
  }
  // What goes on: the baggage, or the whole head.
  std::string Upstream(const std::string& fields, const std::string& name = "baggage") {
    (void)Lane(fields, "/");
    const std::string head = world_->upstream().peer(0).Take();
    world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    world_->Run();
    client_->Take();
    const size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
  std::string Noted() {
    const Lines lines = world_->TakeLog();
    return lines.empty() ? "no line" : lines.back();
  }
  int64_t Count(const std::string& name) { return world_->stat("http.in.grey." + name); }

  Lines seen_;
  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(GreyTest, TheFirstRuleThatMatches) {
  const std::string users = "{header_range: {name: X-User-Id, from: 1001, to: 2000}}";
  Start(Rules(kGray + ", " + Rule("user", users, "colour: {version: v2.1, env: green}")));
  EXPECT_EQ(Lane(), "nothing");
  EXPECT_EQ(Lane("x-env: gray\r\n"), "env=gray");
  EXPECT_EQ(Lane("x-env: gray\r\nx-user-id: 1001\r\n"), "env=gray");
  EXPECT_EQ(Lane("x-user-id: 2000\r\n"), "env=green,version=v2.1");
  EXPECT_EQ(Lane("x-user-id: 2001\r\n"), "nothing");
  EXPECT_EQ(Count("rule.gray.matched"), 2);
  EXPECT_EQ(Count("rule.user.coloured"), 1);
  EXPECT_EQ(Count("from_rule"), 3);
  EXPECT_EQ(Count("no_colour"), 2);
}

TEST_F(GreyTest, NotesWhatItDecided) {
  Start(Rules(Rule("user", "{header: {name: x-user}}", "colour: {version: v2.1, env: green}, fail_closed: true")));
  EXPECT_EQ(Lane("x-user: me\r\n"), "env=green,version=v2.1!");
  EXPECT_EQ(Noted(), "{\"source\":\"rule\",\"rule\":\"user\",\"colour\":\"env=green,version=v2.1\",\"labels\":{\"env\":\"green\","
                     "\"version\":\"v2.1\"},\"fail_closed\":true}");
  EXPECT_EQ(Lane(), "nothing");
  EXPECT_EQ(Noted(), "-");
}

TEST_F(GreyTest, AllConditionsHold) {
  Start(Rules(Rule("all", "{header: {name: x-a}}, {query: {name: b, value: {prefix: x}}}, {header: {name: x-c}, invert: true}",
                   "colour: {env: gray}")));
  EXPECT_EQ(Lane("x-a: 1\r\n", "/direct?b=xy"), "env=gray");
  EXPECT_EQ(Lane("x-a: 1\r\n", "/direct?b=y"), "nothing");
  EXPECT_EQ(Lane("", "/direct?b=x"), "nothing");
  EXPECT_EQ(Lane("x-a: 1\r\nx-c: 1\r\n", "/direct?b=x"), "nothing");
}

TEST_F(GreyTest, EachKindOfCondition) {
  const std::pair<std::string, std::string> kinds[] = {
      {"{header: {name: x-version, value: {safe_regex: {regex: \"v2[.].*\"}}}}", "x-version: v2.1\r\n"},
      {"{header: {name: x-version, value: {exact: V2, ignore_case: true}}}", "x-version: v2\r\n"},
      {"{header: {name: \":authority\", value: {exact: h}}}, {header: {name: x-a}}", "x-a: 1\r\n"},
      {"{header_range: {name: x-user-id, from: -5, to: -5}}", "x-user-id: -5\r\n"},
      {"{cookie: {name: tier, value: {exact: gold}}}", "cookie: a=b; tier=gold\r\n"},
      {"{path: {exact: /direct}}, {header: {name: x-a}}", "x-a: 1\r\n"},
      {"{tenant: {exact: acme}}", "x-tenant: acme\r\n"},
      {"{baggage: {name: other, value: {exact: x}}}", "baggage: other=x\r\n"},
      {"{flags: 2}", "x-biz: 1\r\n"},
      {"{expression: \"request.headers['x-n'] == '7'\"}", "x-n: 7\r\n"},
      {"{principal: {prefix: \"spiffe:\"}, invert: true}, {header: {name: x-a}}", "x-a: 1\r\n"},
  };
  for (const auto& [conditions, fields] : kinds) {
    Start(Rules(Rule("one", conditions, "colour: {env: gray}")), Context(true));
    EXPECT_EQ(Lane(), "nothing") << conditions;
    const bool known = conditions != "{flags: 2}";  // they come in other carriers: test/e2e/test_grey.py
    EXPECT_EQ(Lane(fields), known ? "env=gray" : "nothing") << conditions;
  }
}

TEST_F(GreyTest, APartOfThoseWhoMatch) {
  const std::string sticky = "sticky: {key: \"request.headers['x-user']\"}";
  const auto in = [&](const std::string& per_million) {
    Start(Rules(Rule("canary", "{header: {name: x-user}}", "colour: {env: gray}, per_million: " + per_million + ", " + sticky) +
                ", " + Rule("others", "", "colour: {env: other}")));
    std::vector<bool> each;
    for (int user = 0; user < 200; ++user) {
      const std::string fields = "x-user: user-" + std::to_string(user) + "\r\n";
      const std::string lane = Lane(fields);
      EXPECT_TRUE(lane == "env=gray" || lane == "baseline") << lane;  // no other rule is asked
      EXPECT_EQ(Lane(fields), lane);
      each.push_back(lane == "env=gray");
    }
    return each;
  };
  const std::vector<bool> few = in("100000"), many = in("400000");
  for (size_t user = 0; user < few.size(); ++user) EXPECT_TRUE(many[user] || !few[user]);
  EXPECT_NEAR(static_cast<double>(std::count(few.begin(), few.end(), true)), 20, 13);
  EXPECT_NEAR(static_cast<double>(std::count(many.begin(), many.end(), true)), 80, 21);
  EXPECT_EQ(Count("rule.canary.matched"), 400);
  EXPECT_EQ(Lane(), "env=other");
}

TEST_F(GreyTest, SplitsByWeight) {
  Start(Rules(Rule("split", "", "split: [{per_million: 900000}, {per_million: 60000, colour: {env: b}}, {per_million: 40000, "
                                "colour: {env: c}}], sticky: {key: \"request.headers['x-user']\"}")));
  std::map<std::string, int> lanes;
  for (int user = 0; user < 2000; ++user) ++lanes[Lane("x-user: " + std::to_string(user) + "\r\n")];
  EXPECT_EQ(lanes.size(), 3u);
  EXPECT_NEAR(lanes["baseline"], 1800, 41);
  EXPECT_NEAR(lanes["env=b"], 120, 32);
  EXPECT_NEAR(lanes["env=c"], 80, 27);
}

TEST_F(GreyTest, OneSeedOneChoice) {
  const std::string sticky = "sticky: {key: \"request.headers['x-user']\", seed: same}";
  const auto half = [&](const std::string& name, const std::string& key) {
    return Rule(name, "{header: {name: " + key + "}}", "colour: {env: gray}, per_million: 500000, " + sticky);
  };
  Start(Rules(half("one", "x-one") + ", " + half("two", "x-two")));
  int in = 0;
  for (int user = 0; user < 50; ++user) {
    const std::string fields = "x-user: " + std::to_string(user) + "\r\n";
    const std::string lane = Lane("x-one: 1\r\n" + fields);
    EXPECT_EQ(Lane("x-two: 1\r\n" + fields), lane);
    in += lane == "env=gray";
  }
  EXPECT_GT(in, 10);
  EXPECT_LT(in, 40);
}

// Who is not in it may match another rule.
TEST_F(GreyTest, APartIsACondition) {
  Start(Rules(Rule("some", "{part: {per_million: 300000, sticky: {key: \"request.headers['x-user']\"}}}", "colour: {env: some}") + ", " +
              Rule("others", "", "colour: {env: others}")));
  std::map<std::string, int> lanes;
  for (int user = 0; user < 500; ++user) ++lanes[Lane("x-user: " + std::to_string(user) + "\r\n")];
  EXPECT_EQ(lanes.size(), 2u);
  EXPECT_NEAR(lanes["env=some"], 150, 31);
}

// The world begins at a time of its own: what is in force is said of all times.
TEST_F(GreyTest, InForceByItsSchedule) {
  const auto lane = [&](const std::string& schedule) {
    Start(Rules(Rule("a", "{schedule: {" + schedule + "}}", "colour: {env: a}")));
    const std::string of_condition = Lane();
    Start(Rules(Rule("a", "", "colour: {env: a}, schedule: {" + schedule + "}")));
    EXPECT_EQ(Lane(), of_condition) << schedule;
    return of_condition;
  };
  EXPECT_EQ(lane("from: 1970-01-01T00:00:00Z, until: 2200-01-01T00:00:00Z"), "env=a");
  EXPECT_EQ(lane("from: 2200-01-01T00:00:00Z"), "nothing");
  EXPECT_EQ(lane("until: 1970-01-01T00:00:01Z"), "nothing");
  EXPECT_EQ(lane("windows: [{start: \"00:00\", end: \"24:00\"}], zone: \"+08:00\""), "env=a");
  EXPECT_EQ(lane("windows: [{start: \"12:00\", end: \"12:00\", days: [MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY]}]"),
            "env=a");
}

TEST_F(GreyTest, ATrustedColourWinsUnlessOverridden) {
  const std::string over = Rule("over", "{header: {name: x-over}}", "colour: {env: over}, override: true") + ", ";
  Start(Rules(over + kGray), Context(true));
  EXPECT_EQ(Lane("baggage: env=theirs,version=v9\r\nx-env: gray\r\n"), "env=theirs,version=v9");
  EXPECT_NE(Noted().find("\"source\":\"context\""), std::string::npos);
  EXPECT_EQ(Lane("baggage: env=theirs,version=v9\r\nx-over: 1\r\n"), "env=over");
  EXPECT_EQ(Lane("baggage: other=x\r\nx-env: gray\r\n"), "env=gray");
  EXPECT_EQ(Count("from_context"), 1);
  // Those who are in none of its parts keep theirs; no colour is one as well.
  Start(Rules(Rule("none", "{header: {name: x-none}}", "override: true") + ", " +
              Rule("over", "", "colour: {env: over}, override: true, per_million: 0")),
        Context(true));
  EXPECT_EQ(Lane("baggage: env=theirs\r\n"), "env=theirs");
  EXPECT_EQ(Lane("baggage: env=theirs\r\nx-none: 1\r\n"), "baseline");
}

// A colour by rule goes on in the context, in place of any other; that of a stranger does not.
TEST_F(GreyTest, TheContextCarriesIt) {
  Start(Rules(Rule("over", "{header: {name: x-over}}", "colour: {env: over}, override: true") + ", " + kGray), Context(true));
  EXPECT_EQ(Upstream("x-env: gray\r\nbaggage: other=x\r\n"), "env=gray,other=x");
  EXPECT_EQ(Upstream("x-over: 1\r\nbaggage: version=v9,other=x\r\n"), "env=over,other=x");
  EXPECT_EQ(Upstream("baggage: env=theirs\r\n"), "env=theirs");
  Start(Rules(kGray + ", " + Rule("named", "{baggage: {name: env, value: {exact: named}}}", "colour: {env: named}")), Context(false));
  EXPECT_EQ(Upstream("x-env: gray\r\n"), "env=gray");
  EXPECT_EQ(Upstream("baggage: \"env=theirs,other=x\"\r\n"), "");  // malformed
  EXPECT_EQ(Upstream("baggage: env=theirs,other=x\r\n"), "other=x");
  EXPECT_EQ(Count("untrusted"), 1);
  EXPECT_EQ(Upstream("baggage: env=named\r\n"), "env=named");
  EXPECT_EQ(Count("not_carried"), 0);
}

// Neither where there is no room for what else has to go on, nor for the colour in its place.
TEST_F(GreyTest, AStrangersColourNeverGoesOn) {
  const std::string theirs = "baggage: other=theirs,env=" + std::string(1100, 'x') + "\r\n";
  Start(Rules(Rule("ours", "{header: {name: x-ours}}", "colour: {other: ours}"), "labels: [other]"), Context(false));
  EXPECT_EQ(Upstream(theirs).find("other"), std::string::npos);
  EXPECT_EQ(Count("not_carried"), 0);
  EXPECT_EQ(Upstream("x-ours: 1\r\n" + theirs).find("other"), std::string::npos);
  EXPECT_EQ(Count("not_carried"), 1);
}

// Nor where a route disables one of the filters: the stranger has chosen its path.
TEST_F(GreyTest, NorWhereItsFiltersAreDisabled) {
  const std::string switched = "typed_per_filter_config: {grey: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, "
                               "disabled: true}}";
  const std::string no_context = "typed_per_filter_config: {context: {\"@type\": "
                                 "type.googleapis.com/pillion.filters.http.context.v1.ContextPerRoute, disabled: true}}";
  for (const std::string& entry : {PerRoute("disabled: true"), switched, no_context}) {
    SCOPED_TRACE(entry);
    Start(Rules(kGray), Context(false), {.entry = entry});
    EXPECT_EQ(Upstream("baggage: env=theirs,other=x\r\n"), "other=x");
    EXPECT_EQ(Count("untrusted"), 1);
    // Those of a peer that is trusted go on as they came.
    Start(Rules(kGray), Context(true), {.entry = entry});
    EXPECT_EQ(Upstream("baggage: env=theirs,other=x\r\n"), "env=theirs,other=x");
    EXPECT_EQ(Count("untrusted"), 0);
  }
  Start(Rules(kGray), Context(false), {.entry = no_context});
  EXPECT_EQ(Upstream("x-env: gray\r\nbaggage: env=theirs,other=x\r\n"), "other=x") << "it is carried no further";
  EXPECT_EQ(Count("not_carried"), 1);
}

std::vector<std::string> not_carried_lines;

TEST_F(GreyTest, WithoutAContextTheLaneHoldsHereOnly) {
  constexpr grey_rules::NotCarriedLog kLog{.write = [](std::string_view line) { not_carried_lines.emplace_back(line); }};
  static const auto log = kLog;
  grey_rules::SetNotCarriedLog(&log);
  Start(Rules(kGray));
  EXPECT_EQ(Lane("x-env: gray\r\nbaggage: env=theirs\r\n"), "env=gray");
  EXPECT_EQ(Count("not_carried"), 1);
  const std::string line =
      "filter \"grey\": the colour env=gray of a request holds for this hop only, as no context filter carries it: there is none "
      "in front of this one, or it is disabled for that request; http.in.grey.not_carried counts further ones";
  EXPECT_EQ(not_carried_lines, Lines{line});
  Lane("x-env: gray\r\n");
  EXPECT_EQ(Count("not_carried"), 2);
  EXPECT_EQ(not_carried_lines.size(), 1u) << "once for a configuration";
  Start(Rules(Rule("ours", "{header: {name: x-ours}}", "colour: {other: ours}"), "labels: [other]"), Context(true));
  Lane("x-ours: 1\r\nbaggage: env=" + std::string(1100, 'x') + "\r\n");
  ASSERT_EQ(not_carried_lines.size(), 2u);
  EXPECT_NE(not_carried_lines[1].find("as the baggage of its context has no room for it; "), std::string::npos);
  grey_rules::SetNotCarriedLog(nullptr);
}

TEST(GreyWithoutContextTest, WhatIsSaidOfListeners) {
  const std::string grey = "{name: grey, typed_config: " + Message("rules: []") + "}";
  const std::string context =
      "{name: c, typed_config: {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, direction: INBOUND}}";
  const auto lacking = [](const std::string& filters) {
    const config::Loaded loaded = Load({.http_filters = filters});
    EXPECT_EQ(Texts(loaded.errors), "");
    grey_rules::WithoutContext without;
    without.Add(*loaded.bootstrap->listeners[0]);
    return without.Lacking();
  };
  EXPECT_TRUE(lacking(grey).starts_with("grey: listeners \"in\" have the filter without a context filter (")) << lacking(grey);
  EXPECT_EQ(lacking(context + ", " + grey), "");
  EXPECT_EQ(lacking(context), "");
}

TEST_F(GreyTest, KeysOfAColour) {
  Start(Rules(Rule("a", "{header: {name: x-a}}", "colour: {lane: a, zone: b}"), "labels: [zone, lane]"), Context(true));
  EXPECT_EQ(Lane("x-a: 1\r\nbaggage: env=theirs\r\n"), "lane=a,zone=b");
  EXPECT_EQ(Lane("baggage: env=theirs,zone=z\r\n"), "zone=z");
}

TEST_F(GreyTest, FailsClosed) {
  Start(Rules(kGray + ", " + Rule("closed", "{header: {name: x-closed}}", "colour: {version: v2}, fail_closed: true"),
              "lanes: [{labels: {env: theirs}, fail_closed: true}]"),
        Context(true));
  EXPECT_EQ(Lane("x-env: gray\r\n"), "env=gray");
  EXPECT_EQ(Lane("x-closed: 1\r\n"), "version=v2!");
  EXPECT_EQ(Lane("baggage: env=theirs,version=v1\r\n"), "env=theirs,version=v1!");
}

TEST_F(GreyTest, ARouteHasRulesOfItsOwn) {
  ProxySettings settings;
  const std::string direct = "direct_response: {status: 200, body: {inline_string: ok}}, ";
  settings.first_routes =
      "- {match: {prefix: /off}, " + direct + PerRoute("disabled: true") + "}\n" +
      "- {match: {prefix: /own}, " + direct + PerRoute("grey: {rules: [" + Rule("own", "", "colour: {env: own}") + "]}") + "}\n" +
      "- {match: {prefix: /more}, " + direct +
      PerRoute("more_rules: [" + Rule("more", "{header: {name: x-more}}", "colour: {env: more}") + "]") + "}\n";
  Start(Rules(kGray), "", settings);
  EXPECT_EQ(Lane("x-env: gray\r\n", "/off"), "nothing");
  EXPECT_EQ(Lane("x-env: gray\r\n", "/own"), "env=own");
  EXPECT_EQ(Lane("x-env: gray\r\nx-more: 1\r\n", "/more"), "env=more");
  EXPECT_EQ(Lane("x-env: gray\r\n", "/more"), "env=gray");
  EXPECT_EQ(Count("rule.more.matched"), 1);
}

// The lane holds, whatever the redirect leads to, and nothing is counted again.
TEST_F(GreyTest, ARedirectKeepsTheLane) {
  ProxySettings settings;
  settings.route = "internal_redirect_policy: {}";
  settings.first_routes = "- {match: {path: /there}, " +
                          PerRoute("grey: {rules: [" + Rule("other", "", "colour: {env: other}") + "]}") +
                          ", route: {cluster: app}}\n";
  for (const char* before : {"", "context"}) {
    Start(Rules(kGray), *before == 0 ? "" : Context(true), settings);
    client_->Send("GET / HTTP/1.1\r\nhost: h\r\nx-env: gray\r\n\r\n");
    world_->Run();
    world_->upstream().peer(0).Send("HTTP/1.1 302 Found\r\nlocation: http://h/there\r\ncontent-length: 0\r\n\r\n");
    world_->Wait(1);
    EXPECT_EQ(seen_, (Lines{"env=gray", "env=gray"}));
    EXPECT_EQ(Count("from_rule"), 1);
    EXPECT_EQ(Count("from_context"), 0);
  }
}

TEST_F(GreyTest, RoutesMayGoByIt) {
  ProxySettings settings;
  settings.first_routes =
      "- {match: {prefix: /, dynamic_metadata: [{filter: pillion.grey, path: [{key: labels}, {key: env}], "
      "value: {string_match: {exact: gray}}}]}, direct_response: {status: 204}}\n";
  Start(Rules(kGray), "", settings);
  client_->Send("GET /direct HTTP/1.1\r\nhost: h\r\nx-env: gray\r\n\r\n");
  world_->Run();
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 204 "));
  client_->Send("GET /direct HTTP/1.1\r\nhost: h\r\n\r\n");
  world_->Run();
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 200 "));
}

// What becomes of them is the filter's of lanes that have some.
TEST_F(GreyTest, LanesOfAColour) {
  const config::Loaded loaded = Load({.http_filters = "{name: grey, typed_config: " + Message(
      "lanes: [{labels: {version: v2, env: gray}, fault: {delay: 3s, delay_per_million: 200, abort_status: 503}, "
      "mirror: {per_million: 10, cluster: app}}, "
      "{labels: {env: gray}, fault: {abort_grpc_status: 14, abort_per_million: 5}, mirror: {}, fail_closed: true}]") + "}"});
  ASSERT_EQ(Texts(loaded.errors), "");
  const auto& http = std::get<config::HttpConnectionManager>(loaded.bootstrap->listeners[0]->filter_chains[0].terminal);
  const auto& lanes = static_cast<const grey_rules::Config&>(*http.http_filters[0].config).settings().lanes;
  ASSERT_EQ(lanes.size(), 2u);
  EXPECT_EQ(lanes[0].fault->delay, std::chrono::seconds(3));
  EXPECT_EQ(lanes[0].fault->delay_per_million.now(), 200u);
  EXPECT_FALSE(lanes[0].fault->aborts_grpc);
  EXPECT_EQ(lanes[0].fault->status_now(), 503);
  EXPECT_EQ(lanes[0].fault->abort_per_million.now(), 1'000'000u);
  EXPECT_EQ(lanes[0].fault->max_active.now(), UINT64_MAX);
  EXPECT_EQ(lanes[0].mirror->per_million.now(), 10u);
  EXPECT_EQ(lanes[0].mirror->cluster, "app");
  EXPECT_FALSE(lanes[0].fails_closed);
  EXPECT_EQ(lanes[1].fault->delay, base::Duration::zero());
  EXPECT_TRUE(lanes[1].fault->aborts_grpc);
  EXPECT_EQ(lanes[1].fault->status_now(), 14);
  EXPECT_EQ(lanes[1].fault->abort_per_million.now(), 5u);
  EXPECT_EQ(lanes[1].mirror->per_million.now(), 1'000'000u);
  EXPECT_EQ(lanes[1].mirror->cluster, "");
  EXPECT_TRUE(lanes[1].fails_closed);
  const std::vector<upstream::Label> both = {{"env", "gray"}, {"version", "v2"}};
  const std::vector<upstream::Label> one = {{"env", "gray"}};
  EXPECT_TRUE(lanes[0].colour.IsIn(both));
  EXPECT_FALSE(lanes[0].colour.IsIn(one));
  EXPECT_TRUE(lanes[1].colour.IsIn(both));
}

TEST(GreyConfigTest, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> wrong[] = {
      {"rules: [{name: \"a b\", colour: {env: x}}]", "rules[0].name: \"a b\", expected at most 64 letters, digits, _, - and ."},
      {"rules: [{name: a}, {name: a}]", "rules[1].name: \"a\" is that of rules[0], expected another one"},
      {"rules: [{name: a, colour: {zone: x}}]", "rules[0].colour[\"zone\"]: \"zone\", expected one of labels: env, release, version"},
      {"rules: [{name: a, colour: {env: \"x y\"}}]", "rules[0].colour[\"env\"]: \"x y\", expected 1 to 128 visible characters of ASCII"},
      {"rules: [{name: a, conditions: [{expression: \"request.path ==\"}]}]", "rules[0].conditions[0].expression: column "},
      {"rules: [{name: a, conditions: [{expression: \"'x'\"}]}]", "rules[0].conditions[0].expression: "},
      {"rules: [{name: a, conditions: [{header_range: {name: x, from: 2, to: 1}}]}]",
       "rules[0].conditions[0].header_range.to: 1, expected at least from: 2"},
      {"rules: [{name: a, conditions: [{header: {name: \"x y\"}}]}]",
       "rules[0].conditions[0].header.name: \"x y\", expected the name of a field"},
      {"rules: [{name: a, conditions: [{}]}]", "rules[0].conditions[0]"},
      {"rules: [{name: a, split: [{per_million: 600000}, {per_million: 600000}]}]",
       "rules[0].split: 1200000 per million together, expected at most 1000000"},
      {"rules: [{name: a, colour: {env: x}, split: [{per_million: 1}]}]", "rules[0].colour: expected none beside split"},
      {"rules: [{name: a, per_million: 1000001}]", "rules[0].per_million"},
      {"rules: [{name: a, schedule: {windows: [{start: \"9:00\", end: \"25:00\"}]}}]",
       "rules[0].schedule.windows[0].start: \"9:00\", expected a time of the day, 00:00 to 23:59"},
      {"rules: [{name: a, schedule: {zone: Atlantis/Centre}}]",
       "rules[0].schedule.zone: \"Atlantis/Centre\", expected a zone that this system knows, such as Asia/Shanghai, or +08:00"},
      {"rules: [{name: a, schedule: {from: 2026-01-02T00:00:00Z, until: 2026-01-01T00:00:00Z}}]",
       "rules[0].schedule.until: expected a time after from"},
      {"rules: [{name: a, schedule: {from: tomorrow}}]",
       "rules[0].schedule.from: \"tomorrow\", expected a time such as \"2026-12-01T08:00:00Z\""},
      {"labels: [a, a]", "labels[1]: \"a\" is there already, expected another one"},
      {"lanes: [{labels: {}}]", "lanes[0].labels: empty, but required"},
      {"lanes: [{labels: {env: x}, fault: {delay_per_million: 1}}]", "lanes[0].fault.delay_per_million: expected delay beside it"},
      {"lanes: [{labels: {env: x}, fault: {}}]", "lanes[0].fault: expected delay, abort_status or abort_grpc_status"},
      {"lanes: [{labels: {env: x}, mirror: {cluster: nobody}}]", "lanes[0].mirror.cluster: "},
  };
  for (const auto& [fields, message] : wrong) {
    const std::string refused = Refused({.http_filters = "{name: grey, typed_config: " + Message(fields) + "}"});
    EXPECT_NE(refused.find(message), std::string::npos) << refused << "expected " << message;
  }
  const std::string of_route = Refused({.http_filters = "{name: grey, typed_config: " + Message("labels: [lane]") + "}",
                                        .of_route = PerRoute("more_rules: [{name: a, colour: {env: x}}]")});
  EXPECT_NE(of_route.find("more_rules: \"env\", expected one of labels: lane"), std::string::npos) << of_route;
  const std::string of_lane = Refused({.http_filters = "{name: grey, typed_config: " + Message("labels: [env]") + "}",
                                       .of_route = PerRoute("grey: {lanes: [{labels: {env: x}, mirror: {}}]}")});
  EXPECT_NE(of_lane.find("grey.lanes: expected none with a fault or a mirror"), std::string::npos) << of_lane;
  const std::string behind = Refused({.http_filters = "{name: grey, typed_config: " + Message("rules: []") + "}, {name: context, "
                                      "typed_config: {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context}}"});
  EXPECT_NE(behind.find("http_filters[1]: behind \"grey\", which would find no context to take a colour from"), std::string::npos) << behind;
}

}  // namespace
}  // namespace pillion::test
