// Requests over a loopback network, to a peer that says what a test has it say.

#include "source/client/http_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"

namespace pillion::client {
namespace {

using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const net::Address kServer = *net::Address::Ip("127.0.0.1", 80);

class HttpExchangeTest : public testing::Test {
 protected:
  ~HttpExchangeTest() override {
    if (exchange_ != nullptr) exchange_->Cancel();
    simulation_.RunUntilIdle();
  }
  void Ask(std::string body = "{}", const net::Address& address = kServer) {
    const auto done = [this](absl::StatusOr<HttpAnswer> answer) {
      exchange_ = nullptr;
      ends_.push_back(answer.ok() ? std::to_string(answer->status) + " " + answer->body : std::string(answer.status().message()));
    };
    exchange_ = new HttpExchange(thread_, {.cluster = cluster_, .address = address, .authority = "cp"},
                                 {.method = "POST",
                                  .path = "/v3/x",
                                  .headers = {{"content-type", "application/json"}},
                                  .body = std::move(body),
                                  .timeout = seconds(3),
                                  .max_answer = 10},
                                 done);
    exchange_->Start();
    simulation_.RunUntilIdle();
  }
  void Say(std::string_view bytes) {
    server_.peer(server_.size() - 1).Send(bytes);
    simulation_.RunUntilIdle();
  }

  test::Simulation simulation_;
  test::LoopbackConnector connector_{simulation_.network(), simulation_.loop()};
  codec::http2::MemoryPool memory_;
  const ThreadParts thread_{simulation_.worker(), connector_, memory_};
  test::PeerListener server_{simulation_.network(), simulation_.loop(), kServer};
  const std::shared_ptr<const config::Cluster> cluster_ = std::make_shared<const config::Cluster>();
  HttpExchange* exchange_ = nullptr;
  std::vector<std::string> ends_;
};

TEST_F(HttpExchangeTest, OneRequestAndItsAnswer) {
  Ask();
  EXPECT_THAT(server_.peer(0).received(), StartsWith("POST /v3/x HTTP/1.1\r\n"));
  EXPECT_THAT(server_.peer(0).received(), HasSubstr("content-type: application/json\r\n"));
  EXPECT_THAT(server_.peer(0).received(), HasSubstr("\r\nhost: cp\r\n"));
  EXPECT_THAT(server_.peer(0).received(), HasSubstr("content-length: 2\r\n"));
  EXPECT_THAT(server_.peer(0).received(), EndsWith("\r\n\r\n{}"));
  Say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{\"\r\n");
  EXPECT_TRUE(ends_.empty());
  Say("2\r\n\"}\r\n0\r\n\r\n");
  EXPECT_EQ(ends_, std::vector<std::string>{"200 {\"\"}"});
  EXPECT_TRUE(server_.peer(0).ended());
}

TEST_F(HttpExchangeTest, WithoutABody) {
  Ask();
  Say("HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_EQ(ends_, std::vector<std::string>{"304 "});
}

TEST_F(HttpExchangeTest, LongRequests) {
  const std::string body(1'000'000, 'x');
  Ask(body);
  EXPECT_THAT(server_.peer(0).received(), EndsWith("\r\n\r\n" + body));
}

TEST_F(HttpExchangeTest, WhatIsNoWholeAnswer) {
  Ask();
  Say("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab");
  server_.peer(0).EndSending();
  simulation_.RunUntilIdle();
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_THAT(ends_[0], StartsWith("127.0.0.1:80: the answer was cut off"));
  Ask();
  Say("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n01234567890");
  EXPECT_EQ(ends_.at(1), "127.0.0.1:80: an answer of more than 10 bytes");
  Ask();
  Say("not HTTP\r\n\r\n");
  EXPECT_EQ(ends_.size(), 3u);
  Ask();
  simulation_.AdvanceTime(seconds(3));
  simulation_.RunUntilIdle();
  EXPECT_EQ(ends_.at(3), "127.0.0.1:80: no end within the timeout");
  Ask("{}", *net::Address::Ip("127.0.0.1", 81));
  EXPECT_EQ(ends_.at(4), "127.0.0.1:81: Connection refused");
}

TEST_F(HttpExchangeTest, WhoHasGivenUpHearsNothing) {
  Ask();
  std::exchange(exchange_, nullptr)->Cancel();
  simulation_.RunUntilIdle();
  EXPECT_TRUE(server_.peer(0).ended());
  EXPECT_TRUE(ends_.empty());
}

}  // namespace
}  // namespace pillion::client
