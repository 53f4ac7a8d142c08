// What counts as an error of a host: rules about the heads of answers.

#include <gtest/gtest.h>

#include "source/base/block.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

Loaded LoadRule(const std::string& rule) {
  return LoadText(
      "static_resources: {clusters: [{name: a, typed_extension_protocol_options: "
      "{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: "
      "{\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
      "explicit_http_config: {http_protocol_options: {}}, outlier_detection: {error_matcher: " + rule + "}}}}]}\n");
}

class AnswerMatcherTest : public testing::Test {
 protected:
  void Load(const std::string& rule) {
    const Loaded loaded = LoadRule(rule);
    ExpectGood(loaded);
    ASSERT_NE(loaded.bootstrap, nullptr);
    matcher_ = loaded.bootstrap->clusters.at(0)->http.errors;
    ASSERT_NE(matcher_, nullptr);
  }
  bool Matches(int status, std::string_view name = "", std::string_view value = "") {
    http::ResponseHead head(arena_);
    head.status = status;
    if (!name.empty()) head.headers.Add(name, value);
    return matcher_->Matches(head);
  }
  // The first error: the end of its path, and what is wrong.
  static std::string Error(const std::string& rule) {
    const Loaded loaded = LoadRule(rule);
    if (loaded.errors.empty()) return "none";
    const std::string& path = loaded.errors.front().path;
    const size_t begin = path.find("error_matcher");
    return (begin == path.npos ? path : path.substr(begin)) + ": " + loaded.errors.front().message;
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  std::shared_ptr<const match::AnswerMatcher> matcher_;
};

constexpr char kTeapot[] = "{http_response_headers_match: {headers: [{name: ':status', string_match: {exact: '418'}}]}}";
constexpr char kBroken[] = "{http_response_headers_match: {headers: [{name: x-broken, present_match: true}]}}";

TEST_F(AnswerMatcherTest, AllFields) {
  Load("{http_response_headers_match: {headers: [{name: ':status', range_match: {start: 400, end: 500}}, "
       "{name: x-broken, string_match: {exact: 'yes'}}]}}");
  EXPECT_TRUE(Matches(404, "x-broken", "yes"));
  EXPECT_FALSE(Matches(404));
  EXPECT_FALSE(Matches(500, "x-broken", "yes"));
  Load("{http_response_headers_match: {}}");
  EXPECT_TRUE(Matches(200));
}

TEST_F(AnswerMatcherTest, PutTogether) {
  Load(std::string("{or_match: {rules: [") + kTeapot + ", " + kBroken + "]}}");
  EXPECT_TRUE(Matches(418));
  EXPECT_TRUE(Matches(200, "x-broken", ""));
  EXPECT_FALSE(Matches(503));
  Load(std::string("{and_match: {rules: [{not_match: ") + kTeapot + "}, " + kBroken + "]}}");
  EXPECT_TRUE(Matches(200, "x-broken", "1"));
  EXPECT_FALSE(Matches(418, "x-broken", "1"));
  EXPECT_FALSE(Matches(200));
  Load("{any_match: true}");
  EXPECT_TRUE(Matches(200));
}

TEST_F(AnswerMatcherTest, Errors) {
  EXPECT_EQ(Error("{any_match: false}"), "error_matcher.any_match: false, expected true");
  EXPECT_EQ(Error(std::string("{or_match: {rules: [") + kTeapot + "]}}"),
            "error_matcher.or_match.rules: 1 rule, expected at least 2");
  EXPECT_NE(Error("{}"), "none");
  std::string deep = "{any_match: true}";
  for (int i = 0; i < 20; ++i) deep = "{not_match: " + deep + "}";
  EXPECT_NE(Error(deep).find("predicates in each other, expected at most 16"), std::string::npos) << Error(deep);
}

}  // namespace
}  // namespace pillion::config
