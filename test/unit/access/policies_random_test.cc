// Decisions by policies at random, against a plain evaluation of their messages one after the other.

#include <map>

#include "test/unit/access/policies_fixture.h"

namespace pillion::access {
namespace {

constexpr const char* kPaths[] = {"/a", "/a/b", "/b"};

class RandomRules : public Random {
 public:
  using Random::Random;

  void Fill(v3::Permission& to, int depth) {
    switch (Below(depth > 0 ? 8 : 5)) {
      case 0:
        return to.set_any(true);
      case 1:
        return to.mutable_url_path()->mutable_path()->set_exact(Of(kPaths));
      case 2:
        return to.mutable_url_path()->mutable_path()->set_prefix(Of(kPaths));
      case 3:
        return to.set_destination_port(80 + Below(2));
      case 4: {
        auto& header = *to.mutable_header();
        header.set_name("x-a");
        header.mutable_string_match()->set_exact(Below(2) == 0 ? "1" : "2");
        return;
      }
      case 5:
        return Fill(*to.mutable_not_rule(), depth - 1);
      case 6:
        for (int i = 0; i <= Below(3); ++i) Fill(*to.mutable_and_rules()->add_rules(), depth - 1);
        if (to.and_rules().rules_size() == 0) to.mutable_and_rules()->add_rules()->set_any(true);
        return;
      default:
        to.mutable_or_rules()->add_rules()->set_destination_port(81);
        Fill(*to.mutable_or_rules()->add_rules(), depth - 1);
    }
  }
  void Fill(v3::Principal& to, int depth) {
    switch (Below(depth > 0 ? 9 : 6)) {
      case 0: {
        auto& name = *to.mutable_authenticated()->mutable_principal_name();
        const std::string like = std::string(Of(kNames)).substr(0, static_cast<size_t>(2 + Below(9)));
        return Below(2) == 0 ? name.set_prefix(like) : name.mutable_safe_regex()->set_regex(like + ".*[bs]");
      }
      case 1:
      case 2:
      case 3:
        return to.mutable_authenticated()->mutable_principal_name()->set_exact(Of(kNames));
      case 4:
        to.mutable_authenticated();
        return;
      case 5: {
        auto& range = *to.mutable_direct_remote_ip();
        range.set_address_prefix(Below(2) == 0 ? "10.0.0.2" : "10.0.0.9");
        range.mutable_prefix_len()->set_value(32);
        return;
      }
      case 6:
        return Fill(*to.mutable_not_id(), depth - 1);
      case 7:
        to.mutable_and_ids()->add_ids()->set_any(true);
        for (int i = 0; i < 2; ++i) Fill(*to.mutable_and_ids()->add_ids(), depth - 1);
        return;
      default:
        for (int i = 0; i < 2; ++i) Fill(*to.mutable_or_ids()->add_ids(), depth - 1);
    }
  }
};

bool Is(const envoy::type::matcher::v3::StringMatcher& matcher, const std::string& text) {
  if (matcher.has_safe_regex()) return match::Regex::Compile(matcher.safe_regex().regex())->Matches(text);
  return matcher.has_exact() ? text == matcher.exact() : text.starts_with(matcher.prefix());
}

bool Holds(const v3::Permission& from, const Request& request) {
  switch (from.rule_case()) {
    case v3::Permission::kAny:
      return true;
    case v3::Permission::kUrlPath:
      return Is(from.url_path().path(), std::string(request.head->path));
    case v3::Permission::kDestinationPort:
      return from.destination_port() == 80;
    case v3::Permission::kHeader: {
      const http::HeaderField* const field = request.head->headers.Find("x-a");
      return field != nullptr && field->value() == from.header().string_match().exact();
    }
    case v3::Permission::kNotRule:
      return !Holds(from.not_rule(), request);
    case v3::Permission::kAndRules: {
      bool all = true;
      for (const auto& part : from.and_rules().rules()) all = all && Holds(part, request);
      return all;
    }
    default: {
      bool any = false;
      for (const auto& part : from.or_rules().rules()) any = any || Holds(part, request);
      return any;
    }
  }
}

bool Holds(const v3::Principal& from, const Request& request) {
  const std::optional<Peer>& peer = request.connection.peer;
  switch (from.identifier_case()) {
    case v3::Principal::kAny:
      return true;
    case v3::Principal::kAuthenticated: {
      if (!peer || !from.authenticated().has_principal_name()) return peer.has_value();
      const auto& matcher = from.authenticated().principal_name();
      bool any = Is(matcher, peer->subject);
      for (const std::string& name : peer->uris) any = any || Is(matcher, name);
      for (const std::string& name : peer->dns) any = any || Is(matcher, name);
      return any;
    }
    case v3::Principal::kDirectRemoteIp:
      return from.direct_remote_ip().address_prefix() == "10.0.0.2";
    case v3::Principal::kNotId:
      return !Holds(from.not_id(), request);
    case v3::Principal::kAndIds: {
      bool all = true;
      for (const auto& part : from.and_ids().ids()) all = all && Holds(part, request);
      return all;
    }
    default: {
      bool any = false;
      for (const auto& part : from.or_ids().ids()) any = any || Holds(part, request);
      return any;
    }
  }
}

std::string Plainly(const Rules& rules, const Request& request) {
  std::string first;
  for (const auto& [name, policy] :
       std::map<std::string, v3::Policy>(rules.policies().begin(), rules.policies().end())) {
    bool wanted = false;
    for (const auto& each : policy.permissions()) wanted = wanted || Holds(each, request);
    bool who = false;
    for (const auto& each : policy.principals()) who = who || Holds(each, request);
    if (!wanted || !who) continue;
    first = name;
    break;
  }
  const bool allowed = rules.action() == Rules::LOG || (rules.action() == Rules::ALLOW) == !first.empty();
  return (allowed ? "allowed " : "denied ") + first;
}

TEST_F(PoliciesTest, AsPlainlyEvaluated) {
  size_t named = 0;
  for (uint32_t seed = 0; seed < 1500; ++seed) {
    RandomRules random(seed);
    Rules rules;
    rules.set_action(static_cast<Rules::Action>(random.Below(3)));
    for (int i = random.Below(12); i > 0; --i) {
      v3::Policy& policy = (*rules.mutable_policies())["p" + std::to_string(random.Below(100))];
      for (int n = random.Below(2); n >= 0; --n) random.Fill(*policy.add_permissions(), 2);
      for (int n = random.Below(3); n >= 0; --n) random.Fill(*policy.add_principals(), 2);
    }
    const std::shared_ptr<const Engine> engine = Build(rules);
    ASSERT_EQ(errors_, std::vector<std::string>{});
    for (int n = 0; n < 6; ++n) {
      facts_.peer.reset();
      if (random.Below(4) > 0) {
        std::vector<std::string> uris;
        for (int i = random.Below(3); i > 0; --i) uris.push_back(random.Of(kNames));
        SetPeer(uris, random.Below(2) == 0 ? std::vector<std::string>{} : std::vector<std::string>{"c.test"},
                random.Below(2) == 0 ? "CN=s" : "CN=t");
      }
      Findings findings;
      for (int asked = 0; asked < 4; ++asked) {
        head_.path = random.Of(kPaths);
        SetField(random.Below(2) == 0 ? "1" : "3");
        const std::string plainly = Plainly(rules, request());
        ASSERT_EQ(Decide(*engine), plainly) << rules.DebugString() << " seed " << seed;
        ASSERT_EQ(Decide(*engine, findings), plainly) << asked << " of " << rules.DebugString() << " seed " << seed;
        named += !plainly.ends_with(' ');
      }
    }
  }
  EXPECT_GT(named, 1000u);
}

}  // namespace
}  // namespace pillion::access
