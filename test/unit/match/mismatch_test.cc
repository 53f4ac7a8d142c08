#include "source/match/mismatch.h"

#include <gtest/gtest.h>

#include "source/base/block.h"

namespace pillion::match {
namespace {

class MismatchTest : public testing::Test {
 protected:
  MismatchTest() {
    head_.method = "GET";
    head_.authority = "a.test";
    head_.path = "/v1/pay?debug=1";
    head_.headers.Add("x-canary", "no");
    head_.headers.Add("cookie", "team=blue");
  }

  // "what | wanted | given"; empty: nothing. What it finds, the data path refuses, and nothing else.
  std::string Find(const RequestMatcher& matcher, const StreamFacts& facts = {}) {
    const std::string_view path = http::WithoutQuery(head_.path);
    const std::optional<Mismatch> found = FindMismatch(matcher, path, head_, facts);
    EXPECT_EQ(found.has_value(), !(matcher.MatchesPath(path) && matcher.MatchesRest(head_, 0, facts)));
    return found ? found->what + " | " + found->wanted + " | " + found->given : "";
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  http::RequestHead head_{arena_};
};

using Path = RequestMatcher::Path;
using Kind = StringMatcher::Kind;

TEST_F(MismatchTest, Paths) {
  EXPECT_EQ(Find({.path = "/v1"}), "");
  EXPECT_EQ(Find({.path = "/v2"}), R"(path | begins with "/v2" | "/v1/pay")");
  EXPECT_EQ(Find({.kind = Path::kExact, .path = "/v1"}), R"(path | "/v1" | "/v1/pay")");
  EXPECT_EQ(Find({.kind = Path::kSeparatedPrefix, .path = "/v", .case_sensitive = false}),
            R"(path | "/v" or below it in any case | "/v1/pay")");
  EXPECT_EQ(Find({.kind = Path::kRegex, .regex = *Regex::Compile("/v[2-9]/.*")}), R"(path | matches "/v[2-9]/.*" | "/v1/pay")");
  EXPECT_EQ(Find({.kind = Path::kExact, .connect = true}), R"(path | none: the request is a CONNECT | "/v1/pay")");
}

TEST_F(MismatchTest, Headers) {
  const auto find = [&](const char* name, HeaderMatcher::Test test, bool invert = false, bool missing = false) {
    return Find({.headers = {HeaderMatcher(http::FieldName(name), std::move(test), invert, missing)}});
  };
  EXPECT_EQ(find("x-canary", StringMatcher(Kind::kExact, "no")), "");
  EXPECT_EQ(find("x-canary", StringMatcher(Kind::kExact, "yes")), R"(header x-canary | "yes" | "no")");
  EXPECT_EQ(find("x-canary", StringMatcher(Kind::kPrefix, "n"), true), R"(header x-canary | not begins with "n" | "no")");
  EXPECT_EQ(find("x-other", StringMatcher(Kind::kExact, "yes")), R"(header x-other | "yes" | absent)");
  EXPECT_EQ(find("x-other", StringMatcher(Kind::kExact, "yes"), false, true),
            R"(header x-other | "yes", absent counts as empty | absent)");
  EXPECT_EQ(find("x-canary", Range{1, 10}), R"(header x-canary | a number from 1 to below 10 | "no")");
  EXPECT_EQ(find("x-canary", Present{false}), R"(header x-canary | absent | "no")");
  EXPECT_EQ(find("x-other", Present{}), "header x-other | present | absent");
  EXPECT_EQ(find(":method", StringMatcher(Kind::kExact, "POST")), R"(header :method | "POST" | "GET")");
}

TEST_F(MismatchTest, QueryAndCookies) {
  EXPECT_EQ(Find({.query_parameters = {QueryMatcher("debug", StringMatcher(Kind::kExact, "2"))}}),
            R"(query parameter debug | "2" | "1")");
  EXPECT_EQ(Find({.query_parameters = {QueryMatcher("v", Present{})}}), "query parameter v | present | absent");
  EXPECT_EQ(Find({.cookies = {CookieMatcher("team", StringMatcher(Kind::kExact, "red"))}}), R"(cookie team | "red" | "blue")");
  EXPECT_EQ(Find({.cookies = {CookieMatcher("team", StringMatcher(Kind::kExact, "blue"), true)}}),
            R"(cookie team | not "blue" | "blue")");
}

TEST_F(MismatchTest, TheRestOfWhatRoutesAskFor) {
  EXPECT_EQ(Find({.grpc = true}), R"(header content-type | "application/grpc", as gRPC has it | absent)");
  EXPECT_EQ(Find({.certificate_presented = true}), "client certificate | presented | no certificate");
  EXPECT_EQ(Find({.certificate_validated = false}, {.certificate = PeerCertificate::kValidated}),
            "client certificate | not validated | a certificate that is trusted");
  EXPECT_EQ(Find({.filter_state = {StateMatcher{"tier", StringMatcher(Kind::kExact, "gold")}}}),
            R"(filter state tier | "gold" | absent)");
  const auto value = std::make_shared<const ValueMatcher>(ValueMatcher(Present{}));
  EXPECT_EQ(Find({.metadata = {MetadataMatcher{"envoy.lb", {"stage", "x"}, value}}}),
            "metadata envoy.lb.stage.x | another value | absent");
}

TEST_F(MismatchTest, TheFirstOfSeveralIsTold) {
  EXPECT_EQ(Find({.path = "/v1",
                  .headers = {HeaderMatcher(http::FieldName("x-canary"), Present{}),
                              HeaderMatcher(http::FieldName("x-b"), Present{})},
                  .cookies = {CookieMatcher("none", StringMatcher(Kind::kExact, "1"))}}),
            "header x-b | present | absent");
}

// A number decides that, which is not known here.
TEST_F(MismatchTest, TheFractionIsNotAsked) {
  const RequestMatcher matcher{.fraction = RuntimeFraction{.fraction = {.numerator = 0}}};
  EXPECT_FALSE(FindMismatch(matcher, "/v1/pay", head_, {}));
}

}  // namespace
}  // namespace pillion::match
