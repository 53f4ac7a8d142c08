#include <gtest/gtest.h>

#include "source/base/block.h"
#include "source/match/request_matcher.h"

namespace pillion::match {
namespace {

using Kind = StringMatcher::Kind;

Regex Compiled(std::string_view pattern) { return *Regex::Compile(pattern); }

class MatcherTest : public testing::Test {
 protected:
  MatcherTest() {
    head_.method = "GET";
    head_.scheme = "http";
    head_.authority = "h.test:80";
    head_.path = "/p?a=1&b&a=2&c=x%20y&=e";
    head_.headers.Add("x-one", "Value");
    head_.headers.Add("x-two", "a");
    head_.headers.Add("x-number", "-12");
    head_.headers.Add("x-two", "b");
    head_.headers.Add("x-empty", "");
    head_.headers.Add("cookie", "k=v; q=\"quoted\"; k=later;alone");
    head_.headers.Add("cookie", "second=2");
  }

  bool Field(const char* name, HeaderMatcher::Test test, bool invert = false, bool missing_is_empty = false) {
    return HeaderMatcher(http::FieldName(name), std::move(test), invert, missing_is_empty).Matches(head_);
  }
  static StringMatcher Exact(const char* text) { return StringMatcher(Kind::kExact, text); }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  http::RequestHead head_{arena_};
};

TEST_F(MatcherTest, Notes) {
  RequestMatcher matcher;
  matcher.path = "/";
  matcher.metadata.push_back({.space = "s",
                              .path = {"k"},
                              .value = std::make_shared<ValueMatcher>(Exact("v")),
                              .invert = false});
  metadata::Annotations notes;
  EXPECT_FALSE(matcher.MatchesRest(head_, 0));
  EXPECT_FALSE(matcher.MatchesRest(head_, 0, {.notes = &notes}));
  ASSERT_TRUE(notes.metadata.Set(arena_, "s", "k", metadata::Value::Text("v")));
  EXPECT_TRUE(matcher.MatchesRest(head_, 0, {.notes = &notes}));
  matcher.metadata[0].invert = true;
  EXPECT_FALSE(matcher.MatchesRest(head_, 0, {.notes = &notes}));
  EXPECT_TRUE(matcher.MatchesRest(head_, 0));

  matcher.metadata.clear();
  matcher.filter_state.push_back({"object", Exact("text")});
  EXPECT_FALSE(matcher.MatchesRest(head_, 0, {.notes = &notes}));
  ASSERT_TRUE(notes.filter_state.Set(arena_, "object", "text", false));
  EXPECT_TRUE(matcher.MatchesRest(head_, 0, {.notes = &notes}));
  ASSERT_TRUE(notes.filter_state.Set(arena_, "object", "other", false));
  EXPECT_FALSE(matcher.MatchesRest(head_, 0, {.notes = &notes}));
}

TEST_F(MatcherTest, NotesThatAreNotedWhenTheyAreAskedFor) {
  struct Later : metadata::LaterNotes {
    void Note(base::Arena& arena, metadata::DynamicMetadata& metadata) override {
      (void)metadata.Set(arena, "s", "k", metadata::Value::Text("v"));
    }
  } later;
  RequestMatcher matcher;
  matcher.metadata.push_back({.space = "s",
                              .path = {"k"},
                              .value = std::make_shared<ValueMatcher>(Exact("v")),
                              .invert = false});
  metadata::Annotations notes;
  notes.metadata.SetLater(arena_, "s", later);
  EXPECT_TRUE(matcher.MatchesRest(head_, 0, {.notes = &notes}));
  EXPECT_NE(notes.metadata.Find("s", "k"), nullptr);
}

TEST_F(MatcherTest, Strings) {
  EXPECT_TRUE(StringMatcher(Kind::kExact, "ab").Matches("ab"));
  EXPECT_FALSE(StringMatcher(Kind::kExact, "ab").Matches("aB"));
  EXPECT_FALSE(StringMatcher(Kind::kExact, "ab").Matches("abc"));
  EXPECT_TRUE(StringMatcher(Kind::kExact, "Ab", true).Matches("aB"));
  EXPECT_TRUE(StringMatcher(Kind::kPrefix, "ab").Matches("abc"));
  EXPECT_FALSE(StringMatcher(Kind::kPrefix, "ab").Matches("a"));
  EXPECT_TRUE(StringMatcher(Kind::kPrefix, "AB", true).Matches("abC"));
  EXPECT_TRUE(StringMatcher(Kind::kSuffix, "bc").Matches("abc"));
  EXPECT_FALSE(StringMatcher(Kind::kSuffix, "bc").Matches("c"));
  EXPECT_TRUE(StringMatcher(Kind::kSuffix, "bC", true).Matches("aBc"));
  EXPECT_TRUE(StringMatcher(Kind::kContains, "b").Matches("abc"));
  EXPECT_FALSE(StringMatcher(Kind::kContains, "B").Matches("abc"));
  EXPECT_TRUE(StringMatcher(Kind::kContains, "Bc", true).Matches("aBC"));
  EXPECT_FALSE(StringMatcher(Kind::kContains, "bc", true).Matches("b"));
  EXPECT_TRUE(StringMatcher(Compiled("a.c")).Matches("abc"));
  EXPECT_FALSE(StringMatcher(Compiled("b")).Matches("abc"));
}

TEST_F(MatcherTest, Fields) {
  EXPECT_TRUE(Field("X-One", Exact("Value")));
  EXPECT_FALSE(Field("x-one", Exact("value")));
  EXPECT_TRUE(Field("x-one", StringMatcher(Kind::kExact, "value", true)));
  EXPECT_FALSE(Field("x-one", Exact("Value"), true));
  EXPECT_TRUE(Field("x-one", Exact("other"), true));
  // Each of several, and the list that they are (G1, G7).
  for (const char* value : {"a", "b", "a,b"}) {
    EXPECT_TRUE(Field("x-two", Exact(value))) << value;
    EXPECT_FALSE(Field("x-two", Exact(value), true)) << value;
  }
  EXPECT_FALSE(Field("x-two", Exact("b,a")));
  EXPECT_TRUE(Field("x-two", Exact("c"), true));
  EXPECT_TRUE(Field(":method", Exact("GET")));
  EXPECT_TRUE(Field(":path", StringMatcher(Kind::kPrefix, "/p?a")));
  EXPECT_TRUE(Field(":authority", Exact("h.test:80")));
  EXPECT_TRUE(Field("Host", Exact("h.test:80")));
  EXPECT_TRUE(Field(":scheme", Exact("http")));
  EXPECT_FALSE(Field(":status", Present{}));
}

TEST_F(MatcherTest, MissingFields) {
  EXPECT_TRUE(Field("x-one", Present{}));
  EXPECT_TRUE(Field("x-empty", Present{}));
  EXPECT_FALSE(Field("x-none", Present{}));
  EXPECT_TRUE(Field("x-none", Present{false}));
  EXPECT_FALSE(Field("x-one", Present{false}));
  EXPECT_TRUE(Field("x-none", Present{}, true));
  EXPECT_TRUE(Field("x-none", Present{}, false, true));
  // Neither a text nor anything but that text.
  EXPECT_FALSE(Field("x-none", Exact("a")));
  EXPECT_FALSE(Field("x-none", Exact("a"), true));
  EXPECT_TRUE(Field("x-none", Exact("a"), true, true));
  EXPECT_TRUE(Field("x-none", Exact(""), false, true));
  EXPECT_TRUE(Field("x-empty", Exact("")));
}

TEST_F(MatcherTest, Ranges) {
  EXPECT_TRUE(Field("x-number", Range{-12, -11}));
  EXPECT_FALSE(Field("x-number", Range{-13, -12}));
  head_.headers.Add("x-number", "5");
  EXPECT_TRUE(Field("x-number", Range{5, 6}));
  EXPECT_TRUE(Field("x-number", Range{0, 1}, true));
  EXPECT_FALSE(Field("x-one", Range{-100, 100}));
  EXPECT_FALSE(Field("x-empty", Range{-100, 100}));
  EXPECT_FALSE(Field("x-none", Range{-100, 100}));
  head_.headers.Add("x-large", "9223372036854775808");
  EXPECT_FALSE(Field("x-large", Range{0, INT64_MAX}));
}

TEST_F(MatcherTest, Responses) {
  http::ResponseHead response(arena_);
  response.status = 204;
  response.headers.Add("x-a", "1");
  EXPECT_TRUE(HeaderMatcher(http::FieldName(":status"), Exact("204")).Matches(response));
  EXPECT_TRUE(HeaderMatcher(http::FieldName("x-a"), Exact("1")).Matches(response));
  EXPECT_FALSE(HeaderMatcher(http::FieldName(":path"), Present{}).Matches(response));
}

TEST_F(MatcherTest, QueryParameters) {
  const auto matches = [&](const char* name, QueryMatcher::Test test) {
    return QueryMatcher(name, std::move(test)).Matches(head_.path);
  };
  EXPECT_TRUE(matches("a", Exact("1")));
  EXPECT_FALSE(matches("a", Exact("2")));  // the first counts
  EXPECT_TRUE(matches("b", Exact("")));
  EXPECT_TRUE(matches("c", Exact("x%20y")));  // as it stands there
  EXPECT_TRUE(matches("b", Present{}));
  EXPECT_FALSE(matches("d", Present{}));
  EXPECT_TRUE(matches("d", Present{false}));
  EXPECT_FALSE(matches("d", Exact("")));
  EXPECT_FALSE(QueryMatcher("p", Present{}).Matches("/p"));
}

TEST_F(MatcherTest, Cookies) {
  const auto matches = [&](const char* name, const char* value, bool invert = false) {
    return CookieMatcher(name, Exact(value), invert).Matches(head_.headers);
  };
  EXPECT_TRUE(matches("k", "v"));
  EXPECT_FALSE(matches("k", "later"));
  EXPECT_TRUE(matches("q", "quoted"));
  EXPECT_TRUE(matches("second", "2"));
  EXPECT_FALSE(matches("alone", ""));
  EXPECT_FALSE(matches("k", "v", true));
  EXPECT_TRUE(matches("none", "v", true));
}

TEST_F(MatcherTest, AllOfARequest) {
  RequestMatcher matcher{.path = "/p"};
  EXPECT_TRUE(matcher.Matches(head_, 0));
  matcher.headers.emplace_back(http::FieldName("x-one"), Present{});
  matcher.query_parameters.emplace_back("a", Present{});
  matcher.cookies.emplace_back("k", Exact("v"));
  EXPECT_TRUE(matcher.Matches(head_, 0));
  matcher.fraction = RuntimeFraction{.fraction = {.numerator = 25, .denominator = 100}};
  EXPECT_TRUE(matcher.Matches(head_, 124));
  EXPECT_FALSE(matcher.Matches(head_, 125));
  matcher.grpc = true;
  EXPECT_FALSE(matcher.Matches(head_, 124));
  head_.headers.Add("content-type", "application/grpc+proto");
  EXPECT_TRUE(matcher.Matches(head_, 124));
  matcher.cookies.emplace_back("k", Exact("w"));
  EXPECT_FALSE(matcher.Matches(head_, 124));
}

// Without TLS.
TEST_F(MatcherTest, Certificates) {
  struct Asked {
    std::optional<bool> presented;
    std::optional<bool> validated;
    bool of_none, of_presented, of_validated;  // what matches
  };
  for (const Asked& asked : {Asked{true, {}, false, true, true}, Asked{false, {}, true, false, false},
                             Asked{{}, true, false, false, true}, Asked{{}, false, true, true, false},
                             Asked{true, false, false, true, false}, Asked{{}, {}, true, true, true}}) {
    const RequestMatcher matcher{
        .path = "/", .certificate_presented = asked.presented, .certificate_validated = asked.validated};
    EXPECT_EQ(matcher.MatchesRest(head_, 0), asked.of_none);
    EXPECT_EQ(matcher.MatchesRest(head_, 0, {.certificate = PeerCertificate::kPresented}), asked.of_presented);
    EXPECT_EQ(matcher.MatchesRest(head_, 0, {.certificate = PeerCertificate::kValidated}), asked.of_validated);
  }
}

TEST_F(MatcherTest, SeparatedPrefix) {
  RequestMatcher matcher{.kind = RequestMatcher::Path::kSeparatedPrefix, .path = "/admin"};
  EXPECT_TRUE(matcher.MatchesPath("/admin"));  // F13
  EXPECT_TRUE(matcher.MatchesPath("/admin/"));
  EXPECT_TRUE(matcher.MatchesPath("/admin/x"));
  EXPECT_FALSE(matcher.MatchesPath("/adminx"));
  EXPECT_FALSE(matcher.MatchesPath("/Admin/x"));
  matcher.case_sensitive = false;
  EXPECT_TRUE(matcher.MatchesPath("/Admin/x"));
}

}  // namespace
}  // namespace pillion::match
