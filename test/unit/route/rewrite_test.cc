#include "source/config/route.h"
#include "source/route/rewrite.h"

#include <gtest/gtest.h>

#include "source/base/block.h"

namespace pillion::route {
namespace {

using Path = match::RequestMatcher::Path;

match::RegexRewrite Regex(std::string_view pattern, const char* substitution) {
  return *match::RegexRewrite::Make(*match::Regex::Compile(pattern), substitution);
}

class RewriteTest : public testing::Test {
 protected:
  RewriteTest() {
    head_.scheme = "http";
    head_.authority = "h.test:80";
    head_.path = "/old/e?q=e";
    head_.headers.Add("x-host", "field.test");
    head_.headers.Add("x-bad", "field test/");
  }

  std::string PathAfter(const config::PathRewrite& rewrite, const match::RequestMatcher& match = {.path = "/old/"}) {
    return std::string(RewrittenPath(rewrite, match, {.request = &head_}, head_));
  }
  std::string HostAfter(const config::HostRewrite& rewrite) {
    return std::string(RewrittenHost(rewrite, {.request = &head_}, head_).value_or("-"));
  }
  std::string Location(const config::Redirect& redirect, const match::RequestMatcher& match = {.path = "/old/"}) {
    return std::string(RedirectLocation(redirect, match, head_));
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  http::RequestHead head_{arena_};
};

TEST_F(RewriteTest, PathPrefix) {
  const config::PathRewrite to_new = config::PrefixRewrite{"/new/"};
  EXPECT_EQ(PathAfter({}), "/old/e?q=e");
  EXPECT_EQ(PathAfter(to_new), "/new/e?q=e");
  EXPECT_EQ(PathAfter(to_new, {.kind = Path::kExact, .path = "/old/e"}), "/new/?q=e");
  EXPECT_EQ(PathAfter(to_new, {.kind = Path::kSeparatedPrefix, .path = "/old"}), "/new//e?q=e");
  EXPECT_EQ(PathAfter(to_new, {.kind = Path::kRegex}), "/new/?q=e");
  EXPECT_EQ(PathAfter(config::PrefixRewrite{"/"}), "/e?q=e");
  EXPECT_EQ(PathAfter(config::PrefixRewrite{"new/"}), "/new/e?q=e");
  EXPECT_EQ(PathAfter(to_new, {.path = "/longer/than/the/path"}), "/new/?q=e");  // which has changed since
}

TEST_F(RewriteTest, ByAFormat) {
  const auto format = [](std::string_view text) { return *telemetry::TextFormat::Compile(text); };
  head_.path = "/a?b=c";
  head_.headers.Add("x-to", "other");
  head_.headers.Add("x-bad", "a b");
  EXPECT_EQ(RewrittenPath(format("/new/%REQ(x-to)%"), {}, {.request = &head_}, head_), "/new/other?b=c");
  EXPECT_EQ(RewrittenPath(format("%REQ(x-to)%?d"), {}, {.request = &head_}, head_), "/other?d");
  EXPECT_EQ(RewrittenPath(format("%REQ(x-none)%"), {}, {.request = &head_}, head_), "/a?b=c");
  EXPECT_EQ(RewrittenPath(format("/%REQ(x-bad)%"), {}, {.request = &head_}, head_), "/a?b=c");
  EXPECT_EQ(RewrittenHost(format("%REQ(x-to)%.test"), {.request = &head_}, head_), "other.test");
  EXPECT_EQ(RewrittenHost(format("%REQ(x-bad)%"), {.request = &head_}, head_), std::nullopt);
}

TEST_F(RewriteTest, PathByRegex) {
  EXPECT_EQ(PathAfter(Regex("/old/(.*)", "/\\1/new")), "/e/new?q=e");
  EXPECT_EQ(PathAfter(Regex("e", "EE")), "/old/EE?q=e");  // not the query
  EXPECT_EQ(PathAfter(Regex("^/old/", "")), "/e?q=e");
  EXPECT_EQ(PathAfter(Regex("none", "x")), "/old/e?q=e");
}

TEST_F(RewriteTest, Hosts) {
  EXPECT_EQ(HostAfter({}), "-");
  EXPECT_EQ(HostAfter("literal.test"), "literal.test");
  EXPECT_EQ(HostAfter(config::EndpointHost{}), "-");
  EXPECT_EQ(HostAfter(http::FieldName("x-host")), "field.test");
  EXPECT_EQ(HostAfter(http::FieldName("x-none")), "-");
  EXPECT_EQ(HostAfter(http::FieldName("x-bad")), "-");
  EXPECT_EQ(HostAfter(config::HostFromPath{Regex("^/(\\w+)/.*$", "\\1.test")}), "old.test");
  EXPECT_EQ(HostAfter(config::HostFromPath{Regex("^/none/.*$", "none.test")}), "-");
}

TEST_F(RewriteTest, Redirects) {
  EXPECT_EQ(Location({.host = "o.test"}), "http://o.test/old/e?q=e");
  EXPECT_EQ(Location({.scheme = "https"}), "https://h.test/old/e?q=e");
  EXPECT_EQ(Location({.port = 8443}), "http://h.test:8443/old/e?q=e");
  EXPECT_EQ(Location({.scheme = "https", .port = 443}), "https://h.test:443/old/e?q=e");
  EXPECT_EQ(Location({.path = "/new"}), "http://h.test:80/new?q=e");
  EXPECT_EQ(Location({.path = "/new?x"}), "http://h.test:80/new?x");
  EXPECT_EQ(Location({.path = "/new", .strip_query = true}), "http://h.test:80/new");
  EXPECT_EQ(Location({.strip_query = true}), "http://h.test:80/old/e");
  EXPECT_EQ(Location({.path = config::PrefixRewrite{"/new/"}}), "http://h.test:80/new/e?q=e");
  EXPECT_EQ(Location({.path = Regex("/old/(.*)", "\\1")}), "http://h.test:80/e?q=e");
}

TEST_F(RewriteTest, PortsOfARedirect) {
  head_.authority = "h.test:443";
  EXPECT_EQ(Location({.scheme = "https"}), "https://h.test:443/old/e?q=e");
  head_.headers.Add("x-forwarded-proto", "https");
  EXPECT_EQ(Location({.scheme = "http"}), "http://h.test/old/e?q=e");
  EXPECT_EQ(Location({}), "https://h.test:443/old/e?q=e");
  head_.authority = "[::1]:443";
  EXPECT_EQ(Location({.scheme = "http"}), "http://[::1]/old/e?q=e");
  EXPECT_EQ(Location({.port = 1}), "https://[::1]:1/old/e?q=e");
  head_.authority = "[::1]";
  EXPECT_EQ(Location({.port = 1}), "https://[::1]:1/old/e?q=e");
}

}  // namespace
}  // namespace pillion::route
