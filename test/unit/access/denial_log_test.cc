#include "source/access/denial_log.h"

#include <gtest/gtest.h>

#include <vector>

#include "source/base/arena.h"
#include "source/base/block.h"

namespace pillion::access {
namespace {

class Nobody final : public Engine {
 public:
  explicit Nobody(std::string rule) { AddRule(std::move(rule), false); }
  Decision Decide(const Request&) const override { return {.allowed = false, .rule = 0}; }
  bool has_expressions() const override { return false; }
};

bool wanted = true;
std::vector<std::string> lines;
constexpr DenialLog kLog{.wants = [] { return wanted; }, .write = [](std::string_view line) { lines.emplace_back(line); }};

class DenialLogTest : public testing::Test {
 protected:
  DenialLogTest() {
    lines.clear();
    wanted = true;
    head_.method = "GET";
    head_.path = "/a";
  }
  ~DenialLogTest() override { SetDenialLog(nullptr); }

  std::string Text(const Decision& decision = {.allowed = false, .rule = 0}) const {
    return DenialText(engine_, decision, {.connection = connection_, .head = &head_});
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  http::RequestHead head_{arena_};
  ConnectionFacts connection_;
  const Nobody engine_{"no one"};
};

TEST_F(DenialLogTest, SaysWhoAskedForWhat) {
  EXPECT_EQ(Text(), "by policy \"no one\": GET /a of nobody who was authenticated");
  EXPECT_EQ(Text({}), "by no policy: GET /a of nobody who was authenticated");
  connection_.remote.ip = "10.0.0.1";
  connection_.remote.port = 80;
  Peer& peer = connection_.peer.emplace();
  peer.subject = "CN=a";
  EXPECT_EQ(Text(), "by policy \"no one\": GET /a of \"CN=a\" from 10.0.0.1 port 80");
  peer.all_uris = "spiffe://td.test/a";
  EXPECT_EQ(Text(), "by policy \"no one\": GET /a of \"spiffe://td.test/a\" from 10.0.0.1 port 80");
  EXPECT_EQ(DenialText(engine_, {}, {.connection = connection_}),
            "by no policy: a connection of \"spiffe://td.test/a\" from 10.0.0.1 port 80");
}

TEST_F(DenialLogTest, WhatPeersSendEndsNoLine) {
  const std::string path = "/\n\"" + std::string(1000, 'x');
  head_.path = path;
  const std::string text = Text();
  EXPECT_EQ(text.find('\n'), text.npos);
  EXPECT_LT(text.size(), 300u);
}

TEST_F(DenialLogTest, OnlyForWhoWantsIt) {
  const Request request{.connection = connection_, .head = &head_};
  LogDenial(engine_, {}, request);
  SetDenialLog(&kLog);
  LogDenial(engine_, {}, request);
  wanted = false;
  LogDenial(engine_, {}, request);
  EXPECT_EQ(lines, std::vector<std::string>{"by no policy: GET /a of nobody who was authenticated"});
}

}  // namespace
}  // namespace pillion::access
