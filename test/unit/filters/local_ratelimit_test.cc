#include <gtest/gtest.h>

#include "test/unit/filters/filter_config.h"
#include "test/unit/filters/local_ratelimit_fixture.h"

namespace pillion::test {
namespace {

TEST_F(LocalRateLimitTest, TokensComeEvenlyUpToTheBurst) {
  Start(On("token_bucket: {max_tokens: 3, tokens_per_fill: 2, fill_interval: 1s}"));
  EXPECT_EQ(Passing(5), 3);
  world_->Wait(499);
  EXPECT_FALSE(Passes());
  world_->Wait(1);
  EXPECT_EQ(Passing(2), 1);
  world_->Wait(60'000);
  EXPECT_EQ(Passing(5), 3);
  EXPECT_EQ(Count("enabled"), 13);
  EXPECT_EQ(Count("ok"), 7);
  EXPECT_EQ(Count("rate_limited"), 6);
  EXPECT_EQ(Count("enforced"), 6);
}

TEST_F(LocalRateLimitTest, SaysWhatItWas) {
  Start(On(Bucket(1)));
  EXPECT_TRUE(Passes());
  world_->TakeLog();
  const std::string answer = Get();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nlocal_rate_limited")) << answer;
  EXPECT_EQ(answer.find("ratelimit"), std::string::npos) << answer;
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET /direct HTTP/1.1 429 RL local_rate_limited 0 18 0"});
}

TEST_F(LocalRateLimitTest, OneBucketForAllWorkers) {
  Start(On(Bucket(4)), {.workers = 2});
  EXPECT_TRUE(Passes("", "/direct", 0));
  EXPECT_TRUE(Passes("", "/direct", 1));
  EXPECT_TRUE(Passes("", "/direct", 1));
  EXPECT_TRUE(Passes("", "/direct", 0));
  EXPECT_FALSE(Passes("", "/direct", 0));
  EXPECT_FALSE(Passes("", "/direct", 1));
  EXPECT_EQ(Count("rate_limited"), 2);
}

TEST_F(LocalRateLimitTest, NothingHappensUnlessItIsEnabled) {
  Start(Message("stat_prefix: rl, " + Bucket(1)));
  EXPECT_EQ(Passing(3), 3);
  EXPECT_EQ(Count("enabled"), 0);
}

TEST_F(LocalRateLimitTest, CountsWhatItWouldRefuse) {
  Start(Message("stat_prefix: rl, filter_enabled: {default_value: {numerator: 100}}, request_headers_to_add_when_not_enforced: [{header: "
                "{key: x-over, value: '1'}}], " + Bucket(1)));
  Get("", "/x");
  EXPECT_EQ(world_->upstream().peer(0).Take().find("x-over"), std::string::npos);
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  world_->Run();
  Get("", "/x");
  EXPECT_NE(world_->upstream().peer(0).Take().find("\r\nx-over: 1\r\n"), std::string::npos);
  EXPECT_EQ(Count("rate_limited"), 1);
  EXPECT_EQ(Count("enforced"), 0);
}

TEST_F(LocalRateLimitTest, StatusAndFieldsOfItsAnswer) {
  Start(On("status: {code: 503}, response_headers_to_add: [{header: {key: x-limited, value: 'yes'}}], " + Bucket(1)));
  EXPECT_EQ(Get().find("x-limited"), std::string::npos);
  const std::string answer = Get();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("\r\nx-limited: yes\r\n"), std::string::npos) << answer;
  Start(On("status: {code: 200}, " + Bucket(1)));  // no answer to who is refused
  EXPECT_EQ(Passing(2), 1);
}

TEST_F(LocalRateLimitTest, AnswersAGrpcCallInItsOwnWords) {
  const std::string grpc = "content-type: application/grpc\r\n";
  Start(On(Bucket(1)));
  Get(grpc);
  EXPECT_NE(Get(grpc).find("\r\ngrpc-status: 14\r\n"), std::string::npos);
  Start(On("rate_limited_as_resource_exhausted: true, " + Bucket(1)));
  Get(grpc);
  EXPECT_NE(Get(grpc).find("\r\ngrpc-status: 8\r\n"), std::string::npos);
}

// Reset is when there will be a token, in whole seconds; 0: there is one.
TEST_F(LocalRateLimitTest, TellsTheFigures) {
  Start(On("enable_x_ratelimit_headers: DRAFT_VERSION_03, token_bucket: {max_tokens: 2, fill_interval: 1.5s}"));
  EXPECT_NE(Get().find("x-ratelimit-limit: 2\r\nx-ratelimit-remaining: 1\r\nx-ratelimit-reset: 0\r\n"), std::string::npos);
  const std::string last = "x-ratelimit-limit: 2\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: 2\r\n";
  EXPECT_NE(Get().find(last), std::string::npos);
  EXPECT_NE(Get().find(last), std::string::npos);
  world_->Wait(500);
  EXPECT_NE(Get().find("x-ratelimit-reset: 1\r\n"), std::string::npos);
}

TEST_F(LocalRateLimitTest, ARouteHasABucketOfItsOwn) {
  const std::string own = "typed_per_filter_config: {limit: " + On(Bucket(2)) + "}";
  Start(On(Bucket(1)), {.first_routes = "- {match: {path: /own}, direct_response: {status: 200}, " + own + "}"});
  EXPECT_EQ(Passing(3), 1);
  EXPECT_EQ(Passing(4, "", "/own"), 2);
}

constexpr char kByTenant[] = "rate_limits: [{actions: [{request_headers: {header_name: x-tenant, descriptor_key: tenant}}]}]";

TEST_F(LocalRateLimitTest, ADescriptorHasABucketOfItsOwn) {
  Start(On("descriptors: [{entries: [{key: tenant, value: a}], " + Bucket(2) + "}], " + kByTenant + ", " + Bucket(5)));
  EXPECT_EQ(Passing(3, "x-tenant: a\r\n"), 2);
  EXPECT_EQ(Passing(4, "x-tenant: b\r\n"), 3);  // the default bucket, of which a has taken two
  EXPECT_EQ(Passing(2), 0);
}

TEST_F(LocalRateLimitTest, AndLeavesTheDefaultBucketWhereThatIsSaid) {
  Start(On("always_consume_default_token_bucket: false, descriptors: [{entries: [{key: tenant, value: a}], " + Bucket(2) + "}], " +
           kByTenant + ", " + Bucket(3)));
  EXPECT_EQ(Passing(3, "x-tenant: a\r\n"), 2);
  EXPECT_EQ(Passing(4), 3);
}

TEST_F(LocalRateLimitTest, AnOpenValueIsABucketForEach) {
  Start(On("max_dynamic_descriptors: 100, descriptors: [{entries: [{key: tenant}], " + Bucket(2) +
           "}, {entries: [{key: tenant, value: a}], " + Bucket(1) + "}], " + kByTenant));
  EXPECT_EQ(Passing(3, "x-tenant: a\r\n"), 1);  // its own
  EXPECT_EQ(Passing(3, "x-tenant: b\r\n"), 2);
  EXPECT_EQ(Passing(3, "x-tenant: c\r\n"), 2);
  EXPECT_EQ(Passing(3), 3);  // no descriptor, no bucket
}

TEST_F(LocalRateLimitTest, EachConnectionMayHaveBucketsOfItsOwn) {
  Start(On("local_rate_limit_per_downstream_connection: true, " + Bucket(2)), {.workers = 2});
  for (size_t client = 0; client < 2; ++client) {
    EXPECT_TRUE(Passes("", "/direct", client));
    EXPECT_TRUE(Passes("", "/direct", client));
    EXPECT_FALSE(Passes("", "/direct", client));
  }
  clients_[0] = world_->Connect();
  EXPECT_TRUE(Passes());
  Start(On("local_rate_limit_per_downstream_connection: true, descriptors: [{entries: [{key: tenant}], " + Bucket(1) + "}, " +
           "{entries: [{key: tenant, value: gold}], " + Bucket(2) + "}], " + kByTenant),
        {.workers = 2});
  for (size_t client = 0; client < 2; ++client) {
    for (const std::string tenant : {"a", "b", "gold", "gold"}) EXPECT_TRUE(Passes("x-tenant: " + tenant + "\r\n", "/direct", client));
    for (const std::string tenant : {"a", "b", "gold"}) EXPECT_FALSE(Passes("x-tenant: " + tenant + "\r\n", "/direct", client));
  }
}

// And the buckets behind it are asked as if it were not there.
TEST_F(LocalRateLimitTest, AShadowCountsAndRefusesNobody) {
  Start(On("enable_x_ratelimit_headers: DRAFT_VERSION_03, " + Bucket(4) +
           ", descriptors: [{entries: [{key: tenant}], shadow_mode: true, " + Bucket(1) + "}], " + kByTenant));
  EXPECT_TRUE(Passes("x-tenant: a\r\n"));
  EXPECT_EQ(Count("ok"), 1);
  const std::string answer = Get("x-tenant: a\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_NE(answer.find("\r\nx-ratelimit-limit: 1\r\nx-ratelimit-remaining: 0\r\n"), std::string::npos) << answer;
  EXPECT_EQ(Passing(5, "x-tenant: a\r\n"), 2);
  EXPECT_EQ(Count("shadow_mode"), 6);
  EXPECT_EQ(Count("rate_limited"), 6);
  EXPECT_EQ(Count("enforced"), 3);
  EXPECT_EQ(Count("ok"), 1);
}

// What is not changed itself goes on where it was, whatever changes beside it.
TEST_F(LocalRateLimitTest, BucketsOutlastAnUpdate) {
  const std::string message = On(Bucket(5) + ", descriptors: [{entries: [{key: tenant}], " + Bucket(2) + "}], " + kByTenant);
  Start(message);
  EXPECT_EQ(Passing(1, "x-tenant: a\r\n"), 1);
  EXPECT_EQ(Passing(2, "x-tenant: b\r\n"), 2);
  Update(message, {.listener = "per_connection_buffer_limit_bytes: 10000", .hcm = "server_name: other"});
  EXPECT_EQ(Passing(2, "x-tenant: a\r\n"), 1);
  EXPECT_EQ(Passing(2, "x-tenant: b\r\n"), 0);
  EXPECT_EQ(Passing(2), 1);  // the default one
  // Other fields of the filter are none of a bucket's; its own are.
  Update(On("enable_x_ratelimit_headers: DRAFT_VERSION_03, " + Bucket(5) + ", descriptors: [{entries: [{key: tenant}], " + Bucket(3) + "}], " +
            kByTenant));
  EXPECT_EQ(Passing(2), 0);
  world_->Wait(40'000);
  EXPECT_EQ(Passing(4, "x-tenant: b\r\n"), 3);
}

TEST_F(LocalRateLimitTest, BucketsOfRoutesOutlastAnUpdate) {
  const auto route = [](const std::string& path, int tokens) {
    return "- {match: {path: " + path + "}, direct_response: {status: 200}, typed_per_filter_config: {limit: " + On(Bucket(tokens)) + "}}\n";
  };
  const std::string none = Message("stat_prefix: rl");
  Start(none, {.first_routes = route("/a", 2)});
  EXPECT_EQ(Passing(3, "", "/a"), 2);
  Update(none, {.first_routes = route("/b", 2) + route("/a", 2)});  // another one before it
  EXPECT_EQ(Passing(3, "", "/a"), 0);
  EXPECT_EQ(Passing(3, "", "/b"), 2);
  Update(none, {.first_routes = route("/a", 3)});
  EXPECT_EQ(Passing(4, "", "/a"), 3);
  Update(none, {.first_routes = route("/c", 3)});  // the same, of another route
  EXPECT_EQ(Passing(4, "", "/c"), 3);
}

// Buckets with the same figures are not one for that.
TEST_F(LocalRateLimitTest, EachPlaceHasBucketsOfItsOwn) {
  const std::string own = "typed_per_filter_config: {limit: " + On(Bucket(1)) + "}";
  Start(On(Bucket(1)), {.first_routes = "- {match: {path: /a}, name: r, direct_response: {status: 200}, " + own + "}\n"
                                        "- {match: {path: /b}, name: r, direct_response: {status: 200}, " + own + "}"});
  EXPECT_EQ(Passing(2, "", "/a"), 1);
  EXPECT_EQ(Passing(2, "", "/b"), 1);
  EXPECT_EQ(Passing(2), 1);
}

TEST_F(LocalRateLimitTest, FiguresAsARuleSays) {
  const auto told = [this](const std::string& fields, const std::string& option, const std::string& tenant) {
    Start(On(fields + "descriptors: [{entries: [{key: tenant}], " + Bucket(1) + "}], rate_limits: [{" + option +
             "actions: [{request_headers: {header_name: x-tenant, descriptor_key: tenant}}]}], " + Bucket(2)));
    const auto tells = [](const std::string& answer) { return answer.find("x-ratelimit-limit: ") != answer.npos; };
    return std::pair(tells(Get(tenant)), tells(Get(tenant)));
  };
  using Both = std::pair<bool, bool>;
  const std::string on = "enable_x_ratelimit_headers: DRAFT_VERSION_03, ";
  const std::string off = "x_ratelimit_option: \"OFF\", ";
  const std::string tenant = "x-tenant: a\r\n";
  EXPECT_EQ(told(on, "", tenant), Both(true, true));
  EXPECT_EQ(told(on, off, tenant), Both(false, false));
  EXPECT_EQ(told(on, off, ""), Both(true, true));  // the default bucket is of no rule
  EXPECT_EQ(told("", "x_ratelimit_option: DRAFT_VERSION_03, ", tenant), Both(true, true));
  EXPECT_EQ(told("", "x_ratelimit_option: DRAFT_VERSION_03, ", ""), Both(false, false));
}

// Rules at the end of a stream are not for it, wherever they stand.
TEST_F(LocalRateLimitTest, RulesOfTheEndAreNotHeeded) {
  const std::string rule = "{apply_on_stream_done: true, actions: [{request_headers: {header_name: x-tenant, descriptor_key: tenant}}]}";
  Start(On("descriptors: [{entries: [{key: tenant}], " + Bucket(1) + "}]"), {.virtual_host = "rate_limits: [" + rule + "]"});
  for (int i = 0; i < 2; ++i) {
    Get("x-tenant: a\r\n", "/x");
    EXPECT_TRUE(world_->upstream().peer(0).Take().starts_with("GET /x "));
    world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    world_->Run();
    EXPECT_TRUE(clients_[0]->Take().starts_with("HTTP/1.1 200 "));
  }
}

TEST_F(LocalRateLimitTest, TheSlowestBucketIsAskedFirst) {
  const std::string two = "descriptors: [{entries: [{key: tenant, value: a}], token_bucket: {max_tokens: 9, fill_interval: 1s}}, "
                          "{entries: [{key: generic_key, value: all}], token_bucket: {max_tokens: 1, fill_interval: 100s}}], "
                          "rate_limits: [{actions: [{request_headers: {header_name: x-tenant, descriptor_key: tenant}}]}, "
                          "{actions: [{generic_key: {descriptor_value: all}}]}], enable_x_ratelimit_headers: DRAFT_VERSION_03";
  Start(On(two));
  EXPECT_NE(Get("x-tenant: a\r\n").find("x-ratelimit-limit: 1\r\n"), std::string::npos);
  const std::string refused = Get("x-tenant: a\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 429 ")) << refused;
  EXPECT_NE(refused.find("x-ratelimit-reset: 100\r\n"), std::string::npos) << refused;
}

// Rules of routes and virtual hosts: of "/r", "/both" and others of the virtual host, which has the tenant's, too.
class RouteRulesTest : public LocalRateLimitTest {
 protected:
  static constexpr char kTenant[] = "{actions: [{request_headers: {header_name: x-tenant, descriptor_key: tenant}}]}";

  void StartRules(const std::string& route, const std::string& fields = "", const std::string& more = "") {
    ProxySettings settings;
    settings.first_routes = "- {match: {path: /r}, name: r, route: {cluster: app, rate_limits: [" + route + "]" + more + "}, metadata: {filter_metadata: "
                            "{shop: {plan: {kind: gold}}}}}";
    settings.virtual_host = std::string("rate_limits: [") + kTenant + "]";
    Start(On("descriptors: [{entries: [{key: tenant}], " + Bucket(1) + "}, {entries: [{key: generic_key, value: g}], " + Bucket(4) +
             "}, {entries: [{key: plan, value: gold}], " + Bucket(2) + "}]" + fields),
          settings);
  }
  bool Passes(const std::string& path, const std::string& fields = "") {
    const std::string answer = Get(fields, path);
    if (!answer.empty()) return false;
    world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    world_->Run();
    clients_[0]->Take();
    return true;
  }
  int Passing(int requests, const std::string& path, const std::string& fields = "") {
    int passing = 0;
    for (int i = 0; i < requests; ++i) passing += Passes(path, fields);
    return passing;
  }
  static std::string Generic(const std::string& fields = "") {
    return "{actions: [{generic_key: {descriptor_value: g}}]" + fields + "}";
  }
};

TEST_F(RouteRulesTest, TheVirtualHostsWhereTheRouteHasNone) {
  StartRules(Generic());
  EXPECT_EQ(Passing(6, "/r", "x-tenant: a\r\n"), 4);
  EXPECT_EQ(Passing(3, "/x", "x-tenant: a\r\n"), 1);
  EXPECT_EQ(Passing(3, "/x"), 3);
}

TEST_F(RouteRulesTest, BothWhereTheRouteSaysSo) {
  StartRules(Generic(), "", ", include_vh_rate_limits: true");
  EXPECT_EQ(Passing(3, "/r", "x-tenant: a\r\n"), 1);
}

TEST_F(RouteRulesTest, OrTheFilter) {
  StartRules(Generic(), ", vh_rate_limits: INCLUDE");
  EXPECT_EQ(Passing(3, "/r", "x-tenant: a\r\n"), 1);
  StartRules(Generic(), ", vh_rate_limits: IGNORE");
  EXPECT_EQ(Passing(6, "/r", "x-tenant: a\r\n"), 4);
  EXPECT_EQ(Passing(3, "/x", "x-tenant: a\r\n"), 3);
}

TEST_F(RouteRulesTest, ThoseOfTheStage) {
  StartRules(Generic(", stage: 2"));
  EXPECT_EQ(Passing(6, "/r", "x-tenant: a\r\n"), 6);  // the route has some, if of another stage
  StartRules(Generic(", stage: 2"), ", stage: 2");
  EXPECT_EQ(Passing(6, "/r"), 4);
}

TEST_F(RouteRulesTest, TheRuntimeSwitchesThemOff) {
  StartRules(Generic(", disable_key: k"));
  EXPECT_EQ(Passing(6, "/r"), 4);
  runtime::Value none;
  none.integer = 0;
  world_->runtime_keys().Apply({{"ratelimit.k.http_filter_enabled", none}});
  EXPECT_EQ(Passing(3, "/r"), 3);
}

TEST_F(RouteRulesTest, AFiltersOwnStandInsteadOfThem) {
  StartRules(Generic(), std::string(", rate_limits: [") + kTenant + "]");
  EXPECT_EQ(Passing(6, "/r"), 6);
  EXPECT_EQ(Passing(2, "/r", "x-tenant: a\r\n"), 1);
}

TEST_F(RouteRulesTest, ARequestMayCountMore) {
  StartRules(Generic(", hits_addend: {number: 2}"));
  EXPECT_EQ(Passing(6, "/r"), 2);
  StartRules(Generic(", hits_addend: {format: '%REQ(X-COST)%'}"));
  EXPECT_EQ(Passing(2, "/r", "x-cost: 3\r\n"), 1);
  EXPECT_EQ(Passing(2, "/r", "x-cost: 1\r\n"), 1);
  EXPECT_EQ(Passing(2, "/r", "x-cost: much\r\n"), 2);  // no descriptor
}

TEST_F(RouteRulesTest, MetadataOfTheRoute) {
  const std::string path = "metadata_key: {key: shop, path: [{key: plan}, {key: kind}]}";
  StartRules("{actions: [{metadata: {descriptor_key: plan, source: ROUTE_ENTRY, " + path + "}}]}");
  EXPECT_EQ(Passing(4, "/r"), 2);
  const std::string other = "metadata_key: {key: shop, path: [{key: plan}, {key: other}]}";
  StartRules("{actions: [{metadata: {descriptor_key: plan, source: ROUTE_ENTRY, default_value: gold, " + other + "}}]}");
  EXPECT_EQ(Passing(4, "/r"), 2);
  StartRules("{actions: [{metadata: {descriptor_key: plan, source: ROUTE_ENTRY, " + other + "}}]}");
  EXPECT_EQ(Passing(4, "/r"), 4);
  StartRules("{actions: [{generic_key: {descriptor_value: g}}, {metadata: {descriptor_key: plan, skip_if_absent: true, " + other + "}}]}");
  EXPECT_EQ(Passing(6, "/r"), 4);
}

config::Loaded Load(const std::string& message) {
  return test::Load({.http_filters = "{name: limit, typed_config: " + message + "}"});
}
// The messages of what is refused.
std::string Refused(const std::string& message) { return Texts(Load(message).errors); }

TEST(LocalRateLimitConfig, ABucketThatIsNeverAskedIsNoted) {
  const std::string rules = ", rate_limits: [{actions: [{remote_address: {}}]}]";
  const std::string notes = Texts(Load(On("descriptors: [{entries: [{key: remote_adress}], " + Bucket(1) + "}]" + rules)).notes);
  EXPECT_NE(notes.find("descriptors[0].entries: none of rate_limits makes entries of these keys"), std::string::npos) << notes;
  const std::string none = Texts(Load(On("descriptors: [{entries: [{key: remote_address}], " + Bucket(1) + "}]" + rules)).notes);
  EXPECT_EQ(none.find("none of rate_limits"), std::string::npos) << none;
  EXPECT_EQ(none.find("filter_enabled"), std::string::npos) << none;
  const std::string off = Texts(Load(Message("stat_prefix: rl, " + Bucket(1))).notes);
  EXPECT_NE(off.find("filter_enabled: is not set, which is 0 %: no bucket is ever asked"), std::string::npos) << off;
  EXPECT_EQ(Texts(Load(Message("stat_prefix: rl")).notes), "");  // routes have the rest
}

TEST(LocalRateLimitConfig, WhatIsNotThereIsRefusedByName) {
  EXPECT_EQ(Refused(On("stage: 0, vh_rate_limits: OVERRIDE, " + Bucket(1))), "");
  for (const std::string field : {"local_cluster_rate_limit: {}",
                                  "rate_limits: [{apply_on_stream_done: true, actions: [{remote_address: {}}]}]",
                                  "rate_limits: [{stage: 1, actions: [{remote_address: {}}]}]",
                                  "rate_limits: [{disable_key: k, actions: [{remote_address: {}}]}]"}) {
    const std::string refused = Refused(On(field + ", " + Bucket(1)));
    const bool found = refused.find("not implemented") != std::string::npos || refused.find("means nothing") != std::string::npos;
    EXPECT_TRUE(found) << field << ": " << refused;
  }
}

TEST(LocalRateLimitConfig, WhatCanNotBe) {
  EXPECT_NE(Refused(On(Bucket(0))).find("max_tokens"), std::string::npos);
  EXPECT_NE(Refused(On(Bucket(1, "0.01s"))).find("fill_interval"), std::string::npos);
  EXPECT_NE(Refused(On(Bucket(2'000'000'000, "1000s"))).find("a bucket that fills within 100 years"), std::string::npos);
  const std::string tenant = "{entries: [{key: tenant}], " + Bucket(1) + "}";
  EXPECT_NE(Refused(On("descriptors: [" + tenant + ", " + tenant + "], " + kByTenant)).find("the same as those of descriptors[0]"),
            std::string::npos);
  EXPECT_NE(Refused(On("max_dynamic_descriptors: 10000001, descriptors: [" + tenant + "], " + kByTenant)).find("expected at most 10000000"),
            std::string::npos);
  EXPECT_NE(Refused(On("rate_limits: [{actions: [" + Expression("request.nothing") + "]}]")).find("text: column 9: "), std::string::npos);
  EXPECT_NE(Refused(On("rate_limits: [{actions: [{generic_key: {descriptor_value: '%NOTHING%'}}]}]")).find("descriptor_value: byte 0"),
            std::string::npos);
  const std::string wrong = "rate_limits: [{actions: [{extension: {name: e, typed_config: {\"@type\": "
                            "type.googleapis.com/envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor, descriptor_key: k, "
                            "parsed: {id: 1, ident_expr: {name: nothing}}}}}]}]";
  EXPECT_NE(Refused(On(wrong)).find("parsed: expression 1: "), std::string::npos) << Refused(On(wrong));
  for (const std::string hits : {"{}", "{number: 1, format: '%BYTES_RECEIVED%'}", "{format: 'x'}", "{number: 1000000001}"}) {
    EXPECT_NE(Refused(On("rate_limits: [{hits_addend: " + hits + ", actions: [{remote_address: {}}]}]")).find("hits_addend"), std::string::npos) << hits;
  }
}

}  // namespace
}  // namespace pillion::test
