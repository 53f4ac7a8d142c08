#include "source/proxy/request_hash.h"

#include <gtest/gtest.h>

#include <bit>

#include "source/base/xxhash64.h"

namespace pillion::proxy {
namespace {

using base::XxHash64;
using config::HashPolicy;

class RequestHashTest : public testing::Test {
 public:
  std::optional<uint64_t> Hash(const std::vector<HashPolicy>& policies) {
    return HashOf(policies, head, {.ip = ip, .peer = "192.0.2.1:5000", .local = "192.0.2.2:80"}, cookies);
  }
  static HashPolicy Header(const char* name) {
    return {.source = HashPolicy::Header{http::FieldName(name), {}}};
  }
  static HashPolicy Cookie(std::optional<base::Duration> ttl) {
    return {.source = HashPolicy::Cookie{.name = "c", .ttl = ttl, .path = "/p", .attributes = {{"SameSite", "Strict"}}}};
  }

  base::BlockPool blocks;
  base::Arena arena{blocks};
  http::RequestHead head{arena};
  http::HeaderMap cookies{arena};
  std::string_view ip = "203.0.113.7";
};

TEST_F(RequestHashTest, FilterState) {
  const std::vector<HashPolicy> policies = {{.source = HashPolicy::FilterState{"object"}}};
  EXPECT_EQ(Hash(policies), std::nullopt);
  metadata::Annotations notes;
  const auto hash = [&] { return HashOf(policies, head, {.ip = ip, .peer = "", .local = "", .notes = &notes}, cookies); };
  EXPECT_EQ(hash(), std::nullopt);
  ASSERT_TRUE(notes.filter_state.Set(arena, "object", "a", false));
  EXPECT_EQ(hash(), XxHash64("a"));
}

TEST_F(RequestHashTest, Headers) {
  EXPECT_EQ(Hash({Header("x-k")}), std::nullopt);
  head.headers.Add("x-k", "b");
  EXPECT_EQ(Hash({Header("x-k")}), XxHash64("b"));
  // In whatever order they come.
  head.headers.Add("x-k", "a");
  EXPECT_EQ(Hash({Header("x-k")}), XxHash64("b", XxHash64("a")));
  auto regex = match::Regex::Compile("^(.).*$");
  ASSERT_TRUE(regex.ok());
  auto rewrite = match::RegexRewrite::Make(*regex, "\\1");
  ASSERT_TRUE(rewrite.ok());
  head.headers.Add("x-user", "anna");
  EXPECT_EQ(Hash({{.source = HashPolicy::Header{http::FieldName("x-user"), *rewrite}}}), XxHash64("a"));
  head.path = "/p?q=1";
  EXPECT_EQ(Hash({Header(":path")}), XxHash64("/p?q=1"));
}

TEST_F(RequestHashTest, ParametersAndAddresses) {
  head.path = "/p?a=&q=one&q=two";
  EXPECT_EQ(Hash({{.source = HashPolicy::QueryParameter{"q"}}}), XxHash64("one"));
  EXPECT_EQ(Hash({{.source = HashPolicy::QueryParameter{"z"}}}), std::nullopt);
  EXPECT_EQ(Hash({{.source = HashPolicy::SourceIp{}}}), XxHash64("203.0.113.7"));
  ip = "";
  EXPECT_EQ(Hash({{.source = HashPolicy::SourceIp{}}}), std::nullopt);
}

TEST_F(RequestHashTest, SeveralAreCombinedUntilATerminalOne) {
  head.headers.Add("x-a", "1");
  head.headers.Add("x-b", "1");
  EXPECT_EQ(Hash({Header("x-a"), Header("x-b")}), std::rotl(XxHash64("1"), 1) ^ XxHash64("1"));
  HashPolicy terminal = Header("x-a");
  terminal.terminal = true;
  EXPECT_EQ(Hash({terminal, Header("x-b")}), XxHash64("1"));
  HashPolicy nothing = Header("x-none");
  nothing.terminal = true;
  EXPECT_EQ(Hash({nothing, Header("x-b")}), XxHash64("1"));
}

TEST_F(RequestHashTest, CookiesAreMadeWhereTheyMayBe) {
  EXPECT_EQ(Hash({Cookie(std::nullopt)}), std::nullopt);
  EXPECT_FALSE(MakesCookies({Cookie(std::nullopt)}));
  EXPECT_TRUE(MakesCookies({Header("x"), Cookie(base::Duration(0))}));
  EXPECT_TRUE(cookies.empty());

  const auto made = Hash({Cookie(std::chrono::seconds(7))});
  ASSERT_TRUE(made.has_value());
  ASSERT_EQ(cookies.size(), 1u);
  const std::string text(cookies.begin()->value());
  ASSERT_EQ(text.substr(19), "\"; Max-Age=7; Path=/p; SameSite=Strict; HttpOnly");
  EXPECT_EQ(text.substr(0, 3), "c=\"");
  // Who comes back with it is sent to the same place.
  EXPECT_EQ(made, XxHash64(text.substr(3, 16)));
  const std::string field = "c=" + text.substr(3, 16);
  head.headers.Add("cookie", field);
  EXPECT_EQ(Hash({Cookie(std::chrono::seconds(7))}), made);
  EXPECT_EQ(cookies.size(), 1u);
}

TEST_F(RequestHashTest, ACookieOfTheSession) {
  Hash({Cookie(base::Duration(0))});
  ASSERT_EQ(cookies.size(), 1u);
  EXPECT_EQ(cookies.begin()->value().find("Max-Age"), std::string_view::npos);
}

}  // namespace
}  // namespace pillion::proxy
