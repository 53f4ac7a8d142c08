#include "source/proxy/filter_part.h"

#include <gtest/gtest.h>

#include <variant>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kType = "type.googleapis.com/envoy.extensions.filters.http.";

struct Word final : config::FilterConfig {};

config::FilterOverride Override(std::string_view type, bool disabled = false) {
  return {.filter = "f", .config = std::make_shared<Word>(), .disabled = disabled, .type = type};
}

TEST(FilterPartTest, OnlyWhatIsOfTheFilterSaysSomethingOfIt) {
  const config::HttpFilter filter{.name = "f", .config = std::make_shared<Word>(), .override_type = "a.PerRoute"};
  const auto part_of = [&filter](const config::FilterOverride& word) {
    const config::FilterOverrides table{word};
    return proxy::PartOf(filter, nullptr, nullptr, &table);
  };
  const config::FilterOverride own = Override("a.PerRoute");
  EXPECT_EQ(part_of(own).config, own.config.get());
  EXPECT_FALSE(part_of(own).mismatched);
  EXPECT_EQ(part_of(Override("b.PerRoute")).config, nullptr);
  EXPECT_TRUE(part_of(Override("b.PerRoute")).mismatched);
  EXPECT_FALSE(part_of(Override("b.PerRoute")).absent);
  // To turn a filter off, nobody needs to know what it is.
  EXPECT_TRUE(part_of(Override("b.PerRoute", true)).absent);
  const filter::FilterPart off = part_of({.filter = "f", .config = nullptr, .disabled = true});
  EXPECT_TRUE(off.absent);
  EXPECT_FALSE(off.mismatched);
}

// As a listener has it that drains, when its table has gone on with filters that it does not have: nothing else would let the
// two come together.
TEST(FilterPartTest, WhatIsOfAnotherFilterIsPassedOver) {
  const std::string type(kType);
  ProxyWorld world({.entry = "typed_per_filter_config:\n"
                             "  size: {\"@type\": " + type + "buffer.v3.BufferPerRoute, buffer: {max_request_bytes: 1}}\n"
                             "  mark: {\"@type\": " + type + "header_mutation.v3.HeaderMutationPerRoute, mutations: {response_mutations: "
                             "[{append: {header: {key: x-mark, value: route}}}]}}",
                    .http_filters = "- name: size\n  typed_config: {\"@type\": " + type + "buffer.v3.Buffer, max_request_bytes: 9}\n"
                                    "- name: mark\n  typed_config: {\"@type\": " + type + "header_mutation.v3.HeaderMutation}"});
  const auto exchange = [&world] {
    const std::unique_ptr<Peer> client = world.Connect();
    client->Send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello");
    world.Run();
    for (const auto& peer : world.upstream().peers()) peer->Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    world.Run();
    return client->Take();
  };
  EXPECT_TRUE(exchange().starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(world.stat("http.in.filter_override_mismatched"), 0);
  world.ReviseListener([](config::Listener& listener) {
    config::FilterChain chain = listener.filter_chains[0];
    for (config::HttpFilter& filter : std::get<config::HttpConnectionManager>(chain.terminal).http_filters) {
      filter.override_type = "of.Another";
    }
    ++chain.digest;
    listener.filter_chains.Put(0, std::move(chain));
  });
  const std::string answer = exchange();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_EQ(answer.find("x-mark"), answer.npos) << answer;
  EXPECT_GE(world.stat("http.in.filter_override_mismatched"), 1);
}

}  // namespace
}  // namespace pillion::test
