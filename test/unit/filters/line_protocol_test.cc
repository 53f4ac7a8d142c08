// A protocol that is not HTTP: lines of a verb and a name, answered in a line each. One rule of a limit and one of access
// decide on them, by the same functions as the HTTP filters, which know nothing of where a request's attributes come from.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "envoy/config/rbac/v3/rbac.pb.h"
#include "pillion/filters/http/limit/v1/limit.pb.h"
#include "source/access/engine.h"
#include "source/base/block.h"
#include "source/config/build_access.h"
#include "source/filters/limit/limit.h"
#include "source/filters/limit/question.h"

namespace pillion::filters::limit_rules {
namespace {

namespace v1 = pillion::filters::http::limit::v1;
using expression::Attribute;
using expression::ErrorCode;
using expression::Key;
using expression::Value;
using std::chrono::seconds;

// "GET apple", "PUT apple 12": what expressions may know of it.
class Line final : public expression::Attributes {
 public:
  Line(std::string_view user, std::string_view line) : user_(user) {
    verb_ = Word(line);
    name_ = Word(line);
    size_ = static_cast<int64_t>(line.size());
  }

  Value Get(Attribute which, base::Arena&) const override {
    switch (which) {
      case Attribute::kSourcePrincipal:
        return Value::String(user_);
      case Attribute::kRequestMethod:
        return Value::String(verb_);
      case Attribute::kRequestPath:
        return Value::String(name_);
      case Attribute::kRequestSize:
        return Value::Int(size_);
      case Attribute::kRequestHeaders:  // the protocol has none
        return Value::Bool(true);
      default:
        return Missing();
    }
  }
  Value Find(Attribute, const Key&, base::Arena&) const override { return Value::Error(ErrorCode::kNoSuchKey); }
  Value Keys(Attribute, base::Arena&) const override { return Value::List({}); }

 private:
  static std::string_view Word(std::string_view& rest) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    return word;
  }

  const std::string_view user_;
  std::string_view verb_;
  std::string_view name_;
  int64_t size_;
};

class LineServer {
 public:
  explicit LineServer(const v1::Rule& rule, const envoy::config::rbac::v3::RBAC& access) {
    config::LoadOptions options;
    envoy::config::core::v3::Node node;
    config::BuildContext context{.options = options, .errors = errors_, .node = node};
    v1::Limit limit;
    *limit.add_rules() = rule;
    limit_ = Type().build(context, limit, "limit");
    access_ = config::BuildPolicies(context, access, config::AccessTo::kRequests, "access");
    for (const config::ConfigError& error : errors_.Take()) ADD_FAILURE() << error.path << ": " << error.message;
  }

  // The answers to whole lines; the rest waits for what follows.
  std::string Feed(std::string_view user, std::string_view bytes, base::MonotonicTime now) {
    rest_ += bytes;
    std::string answers;
    for (size_t end; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1)) {
      answers += Answer(Line(user, std::string_view(rest_).substr(0, end)), now) + "\n";
    }
    return answers;
  }

 private:
  std::string Answer(const Line& line, base::MonotonicTime now) {
    base::BlockPool blocks;
    base::Arena arena(blocks);
    const access::ConnectionFacts nobody;
    const access::Decision access = access_->Decide({.connection = nobody, .attributes = &line, .arena = &arena});
    if (!access.allowed) return "DENIED by " + std::string(access_->NameOf(access));
    const Rule& rule = static_cast<const Config&>(*limit_).settings().rules.front();
    if (!Applies(rule, line, arena)) return "DONE, without limit";
    const auto key = KeyOf(rule.key, line, arena);
    if (!key) return "DONE, without key";
    const uint64_t cost = CostOf(rule, line, arena);
    const limit::Decision decision = rule.state->limit.Decide(limit::KeyOf(rule.state->secret, *key), cost, now);
    if (decision.allowed()) return "DONE, " + std::to_string(decision.window.remaining) + " left";
    return "WAIT " + std::to_string(std::chrono::ceil<seconds>(decision.retry_after).count());
  }

  config::ErrorList errors_;
  std::shared_ptr<const config::FilterConfig> limit_;
  std::shared_ptr<const access::Engine> access_;
  std::string rest_;
};

// Each user may put 10 bytes within 60 s.
v1::Rule PutBytes() {
  v1::Rule rule;
  rule.set_name("line_protocol");
  rule.set_when("request.method == 'PUT'");
  rule.set_cost("request.size");
  rule.mutable_window()->set_limit(10);
  rule.mutable_window()->mutable_length()->set_seconds(60);
  auto& key = *rule.add_key();
  key.set_name("user");
  key.set_value("source.principal");
  return rule;
}

// Nobody touches "secret".
envoy::config::rbac::v3::RBAC NoSecrets() {
  envoy::config::rbac::v3::RBAC access;
  access.set_action(envoy::config::rbac::v3::RBAC::DENY);
  auto& policy = (*access.mutable_policies())["no-secrets"];
  policy.add_permissions()->set_any(true);
  policy.add_principals()->set_any(true);
  auto& equal = *policy.mutable_condition()->mutable_call_expr();
  equal.set_function("_==_");
  auto& path = *equal.add_args()->mutable_select_expr();
  path.mutable_operand()->mutable_ident_expr()->set_name("request");
  path.set_field("path");
  equal.add_args()->mutable_const_expr()->set_string_value("secret");
  return access;
}

TEST(LineProtocol, IsLimitedAndGuardedByTheSameDecisions) {
  LineServer server(PutBytes(), NoSecrets());
  const base::MonotonicTime now(seconds(1000));
  EXPECT_EQ(server.Feed("ann", "GET apple\nPUT apple 1234567\nGET sec", now), "DONE, without limit\nDONE, 3 left\n");
  EXPECT_EQ(server.Feed("ann", "ret\n", now), "DENIED by no-secrets\n");
  EXPECT_EQ(server.Feed("ann", "PUT pear 1234\n", now), "WAIT 62\n");
  EXPECT_EQ(server.Feed("bob", "PUT pear 1234\nPUT secret 1\n", now), "DONE, 6 left\nDENIED by no-secrets\n");
  EXPECT_EQ(server.Feed("ann", "PUT pear 123\n", now), "DONE, 0 left\n");
  EXPECT_EQ(server.Feed("ann", "PUT pear 1234\n", now + seconds(62)), "DONE, 6 left\n");
}

}  // namespace
}  // namespace pillion::filters::limit_rules
