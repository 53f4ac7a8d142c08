// Decisions by policies, and what each test asks.

#include "source/access/policies.h"

#include "test/unit/access/policies_fixture.h"

namespace pillion::access {
namespace {

v3::Policy ByName(const std::string& name) {
  v3::Policy policy;
  policy.add_permissions()->set_any(true);
  policy.add_principals()->mutable_authenticated()->mutable_principal_name()->set_exact(name);
  return policy;
}

TEST_F(PoliciesTest, OneOfAThousandIsFoundByItsName) {
  Rules rules;
  for (int i = 0; i < 1000; ++i) {
    const std::string number = std::to_string(i);
    (*rules.mutable_policies())["p" + number] = ByName("spiffe://" + number);
  }
  const std::shared_ptr<const Engine> engine = Build(rules);
  EXPECT_EQ(Decide(*engine), "denied ");
  SetPeer({"spiffe://other"});
  EXPECT_EQ(Decide(*engine), "denied ");
  SetPeer({"spiffe://7", "spiffe://612"});
  EXPECT_EQ(Decide(*engine), "allowed p612");  // before p7
}

TEST_F(PoliciesTest, APeerWithManyNames) {
  Rules rules;
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) {
    names.push_back("spiffe://" + std::to_string(i));
    v3::Policy& policy = (*rules.mutable_policies())["p" + std::to_string(10 + i)] = ByName(names.back());
    policy.mutable_permissions(0)->set_destination_port(i == 30 ? 80 : 81);
  }
  SetPeer(names);
  EXPECT_EQ(Decide(rules), "allowed p40");
}

// What is found out of a connection is not asked again; what its requests differ in is.
TEST_F(PoliciesTest, KeepsWhatItHasFoundOutOfAConnection) {
  Rules rules;
  (*rules.mutable_policies())["a"] = ByName("spiffe://a");
  v3::Policy& of_path = (*rules.mutable_policies())["b"] = ByName("spiffe://b");
  of_path.mutable_permissions(0)->mutable_url_path()->mutable_path()->set_exact("/b");
  const std::shared_ptr<const Engine> engine = Build(rules);
  Findings of_a;
  Findings of_b;
  SetPeer({"spiffe://a"});
  EXPECT_EQ(Decide(*engine, of_a), "allowed a");
  SetPeer({"spiffe://b"});
  EXPECT_EQ(Decide(*engine, of_b), "denied ");
  head_.path = "/b";
  EXPECT_EQ(Decide(*engine, of_b), "allowed b");
  head_.path = "/";
  EXPECT_EQ(Decide(*engine, of_b), "denied ");
  facts_.peer.reset();  // as it is never done to a connection
  EXPECT_EQ(Decide(*engine, of_a), "allowed a");
  EXPECT_EQ(Decide(*engine), "denied ");
}

// Those of the requester are another matter: whom x-forwarded-for names may differ from request to request.
TEST_F(PoliciesTest, KeepsNothingOfTheRequester) {
  Rules rules;
  v3::Policy& policy = (*rules.mutable_policies())["p"];
  policy.add_permissions()->set_any(true);
  policy.add_principals()->mutable_remote_ip()->set_address_prefix("192.0.2.1");
  policy.mutable_principals(0)->mutable_remote_ip()->mutable_prefix_len()->set_value(32);
  const std::shared_ptr<const Engine> engine = Build(rules);
  Findings findings;
  const auto decide = [&](std::string_view client) {
    return Decide(*engine, {.connection = facts_, .head = &head_, .client_ip = client, .findings = &findings});
  };
  EXPECT_EQ(decide("192.0.2.2"), "denied ");
  EXPECT_EQ(decide("192.0.2.1"), "allowed p");
  EXPECT_EQ(decide("192.0.2.2"), "denied ");
}

// More policies may fit than there is room for, and more engines ask than are kept: all is asked anew then.
TEST_F(PoliciesTest, FindingsAreBounded) {
  std::vector<std::shared_ptr<const Engine>> engines;
  for (uint32_t number = 0; number < 2 * Findings::kMostEngines; ++number) {
    Rules rules;
    for (uint32_t i = 0; i < 3 * Findings::kMostRules; ++i) {
      v3::Policy& policy = (*rules.mutable_policies())["p" + std::to_string(10 + i)] = ByName("spiffe://a");
      policy.mutable_permissions(0)->mutable_url_path()->mutable_path()->set_exact("/" + std::to_string(10 + i + number));
    }
    engines.push_back(Build(rules));
  }
  SetPeer({"spiffe://a"});
  Findings findings;
  for (int round = 0; round < 2; ++round) {
    for (uint32_t number = 0; number < engines.size(); ++number) {
      for (const uint32_t i : {15u, 0u, 1u, 17u, 7u}) {
        const std::string path = "/" + std::to_string(10 + i + number);
        head_.path = path;
        EXPECT_EQ(Decide(*engines[number], findings), "allowed p" + std::to_string(10 + i));
      }
      head_.path = "/";
      EXPECT_EQ(Decide(*engines[number], findings), "denied ");
    }
  }
}

TEST_F(PoliciesTest, WithoutPolicies) {
  Rules rules;
  EXPECT_EQ(Decide(rules), "denied ");
  rules.set_action(Rules::DENY);
  EXPECT_EQ(Decide(rules), "allowed ");
  rules.set_action(Rules::LOG);
  EXPECT_EQ(Decide(rules), "allowed ");
}

TEST_F(PoliciesTest, LogSaysWhetherOneFits) {
  Rules rules;
  rules.set_action(Rules::LOG);
  (*rules.mutable_policies())["p"] = ByName("spiffe://a");
  const std::shared_ptr<const Engine> engine = Build(rules);
  EXPECT_EQ(engine->Decide(request()).log, false);
  SetPeer({"spiffe://a"});
  EXPECT_EQ(engine->Decide(request()).log, true);
}

TEST_F(PoliciesTest, NamesInDetailsHaveNoBlanks) {
  Rules rules;
  rules.set_action(Rules::DENY);
  (*rules.mutable_policies())["a b\tc"] = ByName("spiffe://a");
  const std::shared_ptr<const Engine> engine = Build(rules);
  SetPeer({"spiffe://a"});
  EXPECT_EQ(engine->DetailsOf(engine->Decide(request())), "rbac_access_denied_matched_policy[a_b_c]");
  EXPECT_EQ(engine->DetailsOf({}), "rbac_access_denied_matched_policy[none]");
}

// A rule about bytes that are no text is unclear, and what is unclear never opens.
TEST_F(PoliciesTest, UnclearNeverOpens) {
  const auto rules = [](Rules::Action action, bool negated) {
    Rules made;
    made.set_action(action);
    v3::Policy& policy = (*made.mutable_policies())["p"];
    policy.add_principals()->set_any(true);
    v3::Permission* permission = policy.add_permissions();
    if (negated) permission = permission->mutable_not_rule();
    permission->mutable_header()->set_name("x-a");
    permission->mutable_header()->mutable_string_match()->mutable_safe_regex()->set_regex("a.*");
    return made;
  };
  SetField("ab");
  EXPECT_EQ(Decide(rules(Rules::ALLOW, false)), "allowed p");
  EXPECT_EQ(Decide(rules(Rules::ALLOW, true)), "denied ");
  SetField("b");
  EXPECT_EQ(Decide(rules(Rules::ALLOW, true)), "allowed p");
  EXPECT_EQ(Decide(rules(Rules::DENY, true)), "denied p");
  SetField("a\xff");
  EXPECT_EQ(Decide(rules(Rules::ALLOW, false)), "denied ");
  EXPECT_EQ(Decide(rules(Rules::ALLOW, true)), "denied ");
  EXPECT_EQ(Decide(rules(Rules::DENY, false)), "denied p");
  EXPECT_EQ(Decide(rules(Rules::DENY, true)), "denied p");
  EXPECT_EQ(Decide(rules(Rules::LOG, true)), "allowed ");
}

// Dividing a value over several fields gets nobody past a rule.
TEST_F(PoliciesTest, EachOfSeveralFieldsCounts) {
  Rules rules;
  v3::Policy& policy = (*rules.mutable_policies())["p"];
  policy.add_principals()->set_any(true);
  auto& header = *policy.add_permissions()->mutable_not_rule()->mutable_header();
  header.set_name("x-a");
  header.mutable_string_match()->set_exact("bad");
  head_.headers.Add("x-a", "good");
  EXPECT_EQ(Decide(rules), "allowed p");
  head_.headers.Add("x-a", "bad");
  EXPECT_EQ(Decide(rules), "denied ");
  header.mutable_string_match()->set_exact("good,bad");
  EXPECT_EQ(Decide(rules), "denied ");
}

TEST_F(PoliciesTest, EachKindOfTest) {
  Rules rules;
  v3::Policy& policy = (*rules.mutable_policies())["p"];
  policy.add_principals()->set_any(true);
  v3::Permission& wanted = *policy.add_permissions();
  const auto fits = [&] { return Decide(rules) == "allowed p"; };

  wanted.mutable_destination_port_range()->set_start(80);
  wanted.mutable_destination_port_range()->set_end(81);
  EXPECT_TRUE(fits());
  facts_.local.port = 81;
  EXPECT_FALSE(fits());
  wanted.mutable_destination_ip()->set_address_prefix("10.0.0.0");
  wanted.mutable_destination_ip()->mutable_prefix_len()->set_value(30);
  EXPECT_TRUE(fits());
  facts_.local.address = match::IpAddress::Parse("10.0.0.4");
  EXPECT_FALSE(fits());
  facts_.local.address.reset();  // a unix socket
  EXPECT_FALSE(fits());
  wanted.mutable_requested_server_name()->set_suffix(".test");
  EXPECT_FALSE(fits());
  facts_.server_name = "a.test";
  EXPECT_TRUE(fits());
  wanted.mutable_url_path()->mutable_path()->set_exact("/x");
  head_.path = "/x?y=/z";
  EXPECT_TRUE(fits());
  head_.path = "/x#y";
  EXPECT_TRUE(fits());
  head_.path = "";  // CONNECT
  EXPECT_FALSE(fits());

  auto& metadata = *wanted.mutable_sourced_metadata()->mutable_metadata_matcher();
  metadata.set_filter("f");
  metadata.add_path()->set_key("k");
  metadata.mutable_value()->mutable_string_match()->set_exact("v");
  EXPECT_FALSE(fits());
  ASSERT_TRUE(notes_.metadata.Set(arena_, "f", "k", metadata::Value::Text("v")));
  EXPECT_TRUE(fits());
  wanted.mutable_sourced_metadata()->set_metadata_source(v3::ROUTE);
  EXPECT_FALSE(fits());
  const metadata::Member value{"k", metadata::Value::Text("v")};
  const metadata::Member space{"f", {.kind = metadata::Value::Kind::kObject, .size = 1, .members = &value}};
  const metadata::Value route{.kind = metadata::Value::Kind::kObject, .size = 1, .members = &space};
  EXPECT_TRUE(Build(rules)->Decide({.connection = facts_, .head = &head_, .route_metadata = &route}).allowed);
  v3::Permission other;
  *other.mutable_not_rule()->mutable_metadata() = metadata;
  wanted = other;
  EXPECT_FALSE(fits());
  ASSERT_TRUE(notes_.metadata.Set(arena_, "f", "k", metadata::Value::Text("w")));
  EXPECT_TRUE(fits());
  ASSERT_TRUE(notes_.metadata.Set(arena_, "f", "k", metadata::Value::Text("\xff")));
  EXPECT_FALSE(fits());
}

TEST_F(PoliciesTest, EachKindOfAddress) {
  Rules rules;
  v3::Policy& policy = (*rules.mutable_policies())["p"];
  policy.add_permissions()->set_any(true);
  v3::Principal& who = *policy.add_principals();
  const auto fits = [&](std::string_view client = "") {
    return Build(rules)->Decide({.connection = facts_, .head = &head_, .client_ip = client}).allowed;
  };
  const auto range = [](auto* to, const std::string& address) {
    to->set_address_prefix(address);
    to->mutable_prefix_len()->set_value(32);
  };
  range(who.mutable_source_ip(), "10.0.0.1");
  EXPECT_TRUE(fits("192.0.2.1"));
  range(who.mutable_direct_remote_ip(), "10.0.0.1");
  EXPECT_FALSE(fits());
  range(who.mutable_direct_remote_ip(), "10.0.0.2");
  EXPECT_TRUE(fits("192.0.2.1"));
  range(who.mutable_remote_ip(), "10.0.0.1");
  EXPECT_TRUE(fits());
  EXPECT_FALSE(fits("192.0.2.1"));
  range(who.mutable_remote_ip(), "192.0.2.1");
  EXPECT_TRUE(fits("192.0.2.1"));
}

TEST_F(PoliciesTest, EachKindOfPrincipal) {
  Rules rules;
  v3::Policy& policy = (*rules.mutable_policies())["p"];
  policy.add_permissions()->set_any(true);
  v3::Principal& who = *policy.add_principals();
  envoy::type::matcher::v3::MetadataMatcher matcher;
  matcher.set_filter("f");
  matcher.add_path()->set_key("k");
  matcher.mutable_value()->mutable_string_match()->set_exact("v");
  *who.mutable_metadata() = matcher;
  EXPECT_EQ(Decide(rules), "denied ");
  ASSERT_TRUE(notes_.metadata.Set(arena_, "f", "k", metadata::Value::Text("v")));
  EXPECT_EQ(Decide(rules), "allowed p");
  *who.mutable_sourced_metadata()->mutable_metadata_matcher() = matcher;
  EXPECT_EQ(Decide(rules), "allowed p");
  who.mutable_url_path()->mutable_path()->set_exact("/");
  EXPECT_EQ(Decide(rules), "allowed p");
  who.mutable_header()->set_name("x-a");
  who.mutable_header()->set_present_match(true);
  EXPECT_EQ(Decide(rules), "denied ");
  SetField("1");
  EXPECT_EQ(Decide(rules), "allowed p");
}

TEST_F(PoliciesTest, FilterState) {
  Rules rules;
  v3::Policy& policy = (*rules.mutable_policies())["p"];
  policy.add_permissions()->set_any(true);
  auto& state = *policy.add_principals()->mutable_filter_state();
  state.set_key("k");
  state.mutable_string_match()->set_exact("v");
  EXPECT_EQ(Decide(rules), "denied ");
  ASSERT_TRUE(notes_.filter_state.Set(arena_, "k", "v", false));
  EXPECT_EQ(Decide(rules), "allowed p");
}

TEST_F(PoliciesTest, Errors) {
  Rules rules;
  v3::Policy& policy = (*rules.mutable_policies())["p"];
  policy.add_permissions()->set_any(false);
  policy.add_permissions()->mutable_destination_port_range()->set_end(70000);
  policy.add_principals()->mutable_header()->set_name("x");
  policy.add_principals()->mutable_remote_ip();
  Build(rules, false);
  EXPECT_EQ(errors_,
            (std::vector<std::string>{
                "r.policies[\"p\"].permissions[0].any: false, expected true",
                "r.policies[\"p\"].permissions[1].destination_port_range: from 0 to below 70000, expected ports",
                "r.policies[\"p\"].principals[0].header: a connection has no header fields, expected a rule about "
                "connections",
                "r.policies[\"p\"].principals[1].remote_ip.address_prefix: missing, but required"}));
}

}  // namespace
}  // namespace pillion::access
