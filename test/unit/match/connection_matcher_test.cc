#include "source/match/connection_matcher.h"

#include <gtest/gtest.h>

namespace pillion::match {
namespace {

IpAddress Ip(std::string_view text) {
  return *IpAddress::Parse(text);
}
IpRange Range(std::string_view text, int bits) {
  return IpRange(Ip(text), bits);
}

constexpr uint32_t kNone = 99;

// What of `patterns` fits; kNone: nothing.
uint32_t Choose(const std::vector<ConnectionPattern>& patterns, const ConnectionTraits& traits) {
  ConnectionMatcher matcher;
  for (uint32_t i = 0; i < patterns.size(); ++i) EXPECT_EQ(matcher.Add(patterns[i], i), std::nullopt);
  return matcher.Find(traits).value_or(kNone);
}

ConnectionPattern Names(std::vector<std::string> names) {
  ConnectionPattern pattern;
  pattern.server_names = std::move(names);
  return pattern;
}

TEST(ConnectionMatcher, NothingFitsNothing) {
  EXPECT_EQ(Choose({}, {}), kNone);
  EXPECT_EQ(Choose({{}}, {}), 0u);
}

TEST(ConnectionMatcher, DestinationPort) {
  ConnectionPattern port;
  port.destination_port = 443;
  ConnectionTraits traits;
  EXPECT_EQ(Choose({{}, port}, traits), 0u);  // a unix socket has none
  EXPECT_EQ(Choose({port}, traits), kNone);
  traits.destination_port = 443;
  EXPECT_EQ(Choose({{}, port}, traits), 1u);
  traits.destination_port = 80;
  EXPECT_EQ(Choose({{}, port}, traits), 0u);
}

TEST(ConnectionMatcher, TheLongestPrefixOfAnyPattern) {
  ConnectionPattern wide, narrow, v6;
  wide.destinations = {Range("10.0.0.0", 8), Range("192.168.0.0", 16)};
  narrow.destinations = {Range("10.1.0.0", 16)};
  v6.destinations = {Range("2001:db8::", 32)};
  const auto choose = [&](std::string_view ip) {
    ConnectionTraits traits;
    traits.destination = Ip(ip);
    return Choose({wide, narrow, v6}, traits);
  };
  EXPECT_EQ(choose("10.1.2.3"), 1u);
  EXPECT_EQ(choose("10.2.2.3"), 0u);
  EXPECT_EQ(choose("192.168.1.1"), 0u);
  EXPECT_EQ(choose("2001:db8::1"), 2u);
  EXPECT_EQ(choose("::ffff:10.1.2.3"), 1u);
  EXPECT_EQ(choose("11.0.0.1"), kNone);
}

TEST(ConnectionMatcher, ServerNames) {
  const std::vector<ConnectionPattern> patterns = {
      Names({"a.example.com"}), Names({"*.example.com"}), Names({"*.com", "x"}), {}};
  const auto choose = [&](std::string_view name) {
    ConnectionTraits traits;
    traits.server_name = name;
    return Choose(patterns, traits);
  };
  EXPECT_EQ(choose("a.example.com"), 0u);
  EXPECT_EQ(choose("b.example.com"), 1u);
  EXPECT_EQ(choose("c.b.example.com"), 1u);
  EXPECT_EQ(choose("example.com"), 2u);
  EXPECT_EQ(choose("x"), 2u);
  EXPECT_EQ(choose("com"), 3u);
  EXPECT_EQ(choose(".example.com"), 2u);  // no label of ours in front of the dot
  EXPECT_EQ(choose(""), 3u);
  EXPECT_EQ(choose("."), 3u);
}

TEST(ConnectionMatcher, ProtocolsInTheOrderOfTheClient) {
  ConnectionPattern h2, h1, tls;
  h2.application_protocols = {"h2"};
  h1.application_protocols = {"http/1.1", "http/1.0"};
  tls.transport_protocol = "tls";
  ConnectionTraits traits;
  traits.transport_protocol = "raw_buffer";
  const std::vector<std::string> both = {"spdy", "http/1.1", "h2"};
  traits.application_protocols = both;
  EXPECT_EQ(Choose({h2, h1}, traits), 1u);
  EXPECT_EQ(Choose({h2}, traits), 0u);
  EXPECT_EQ(Choose({tls}, traits), kNone);
  traits.transport_protocol = "tls";
  EXPECT_EQ(Choose({h2, h1, tls}, traits), 2u);  // is looked at first
}

TEST(ConnectionMatcher, Sources) {
  ConnectionPattern direct, local, external, source, port;
  direct.direct_sources = {Range("172.16.0.0", 12)};
  local.source_type = SourceType::kLocal;
  external.source_type = SourceType::kExternal;
  source.sources = {Range("10.0.0.0", 8)};
  port.source_ports = {1000, 2000};
  ConnectionTraits traits;
  traits.source = Ip("10.0.0.1");
  traits.direct_source = Ip("172.16.0.1");
  traits.source_port = 2000;
  EXPECT_EQ(Choose({direct, source, port}, traits), 0u);
  EXPECT_EQ(Choose({local, external, source}, traits), 1u);
  EXPECT_EQ(Choose({source, port}, traits), 0u);
  EXPECT_EQ(Choose({port}, traits), 0u);
  traits.local = true;
  EXPECT_EQ(Choose({local, external}, traits), 0u);
  traits.source_port = 3000;
  EXPECT_EQ(Choose({port}, traits), kNone);
}

// The most specific of the first trait that tells patterns apart has it, even if nothing fits further on.
TEST(ConnectionMatcher, NeverGoesBack) {
  ConnectionPattern port_and_name = Names({"a"});
  port_and_name.destination_port = 443;
  ConnectionTraits traits;
  traits.destination_port = 443;
  traits.server_name = "b";
  EXPECT_EQ(Choose({port_and_name, Names({"b"}), {}}, traits), kNone);
  traits.destination_port = 444;
  EXPECT_EQ(Choose({port_and_name, Names({"b"}), {}}, traits), 1u);
}

TEST(ConnectionMatcher, FindsDuplicates) {
  ConnectionMatcher matcher;
  EXPECT_EQ(matcher.Add(Names({"a", "*.b"}), 0), std::nullopt);
  EXPECT_EQ(matcher.Add(Names({"c"}), 1), std::nullopt);
  EXPECT_EQ(matcher.Add(Names({"d", "*.b"}), 2), 0u);
  EXPECT_EQ(matcher.Add({}, 3), std::nullopt);
  EXPECT_EQ(matcher.Add({}, 4), 3u);
  ConnectionPattern range;
  range.sources = {Range("10.0.0.0", 8)};
  EXPECT_EQ(matcher.Add(range, 5), std::nullopt);
  range.sources = {Range("10.9.9.9", 8)};
  EXPECT_EQ(matcher.Add(range, 6), 5u);
}

TEST(ConnectionMatcher, Default) {
  ConnectionMatcher matcher;
  EXPECT_EQ(matcher.constant(), std::nullopt);
  EXPECT_EQ(matcher.Add(Names({"a"}), 0), std::nullopt);
  matcher.SetDefault(1);
  EXPECT_EQ(matcher.constant(), std::nullopt);
  EXPECT_EQ(matcher.Find({}), 1u);
  ConnectionTraits traits;
  traits.server_name = "a";
  EXPECT_EQ(matcher.Find(traits), 0u);
}

TEST(ConnectionMatcher, ConstantWhereNothingIsAskedFor) {
  ConnectionMatcher only_default;
  only_default.SetDefault(0);
  EXPECT_EQ(only_default.constant(), 0u);
  ConnectionMatcher any;
  EXPECT_EQ(any.Add({}, 0), std::nullopt);
  any.SetDefault(1);
  EXPECT_EQ(any.constant(), 0u);
}

}  // namespace
}  // namespace pillion::match
