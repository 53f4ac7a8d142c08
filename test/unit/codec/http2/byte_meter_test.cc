// What is counted of a stream's frames.

#include <gtest/gtest.h>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

size_t Size(const std::vector<SeenFrame>& frames, uint8_t type) {
  size_t size = 0;
  for (const SeenFrame& frame : frames) {
    if (frame.type == type && frame.stream_id != 0) size += 9 + frame.payload.size();
  }
  return size;
}

TEST(ByteMeter, RequestAndAnswer) {
  RawSide<ServerPeer> side;
  const std::string head = HeadersFrame(1, RequestFields({{"x-a", "b"}}, "POST"), kEndHeaders);
  const std::string data = DataFrame(1, "abc");
  const std::string padded = RawFrame(kDataFrame, kPadded, 1, "\x04" "de" + std::string(4, '\0'));
  const std::string trailers = HeadersFrame(1, {{"x-t", "1"}});
  side.Send(kPreface + SettingsFrame() + head + data + WindowUpdateFrame(1, 5) + padded + trailers, 11);
  RecordedRequest& request = *side.peer.requests.at(0);
  EXPECT_EQ(request.bytes.wire_received, head.size() + data.size() + padded.size() + trailers.size());
  EXPECT_EQ(request.bytes.heads_received, head.size() + trailers.size());
  // :method POST, :scheme http, :authority h.test, :path /, x-a b; x-t 1.
  EXPECT_EQ(request.bytes.texts_received, 11u + 11 + 16 + 6 + 4 + 4);

  http::ResponseHead& answer = request.NewResponse(200);
  answer.headers.Add("x-b", "cd");
  request.stream->SendHead(answer, false);
  (void)request.stream->SendData(MakeSlice(side.pool, "hello"), false);
  EXPECT_EQ(request.bytes.waiting, 5u);
  http::HeaderMap after(request.arena());
  after.Add("x-t", "yes");
  request.stream->SendTrailers(after);
  const std::vector<SeenFrame> frames = side.Output();
  EXPECT_EQ(request.bytes.wire_sent, Size(frames, kHeadersFrame) + Size(frames, kDataFrame));
  EXPECT_EQ(request.bytes.heads_sent, Size(frames, kHeadersFrame));
  EXPECT_EQ(request.bytes.texts_sent, 7u + 3 + 5 + 6);  // :status 200, x-b cd; x-t yes
  EXPECT_EQ(request.bytes.waiting, 0u);
}

TEST(ByteMeter, HeadsOfSeveralFrames) {
  RawSide<ServerPeer> side;
  const std::string block = HpackBlock(RequestFields({{"x-long", std::string(60, 'z')}}));
  const std::string first = RawFrame(kHeadersFrame, kEndStream, 1, block.substr(0, 20));
  const std::string second = RawFrame(kContinuationFrame, 0, 1, block.substr(20, 20));
  const std::string third = RawFrame(kContinuationFrame, kEndHeaders, 1, block.substr(40));
  const std::string other = HeadersFrame(3, RequestFields());
  side.Send(kPreface + SettingsFrame() + first + second + third + other);
  EXPECT_EQ(side.peer.requests.at(0)->bytes.heads_received, first.size() + second.size() + third.size());
  EXPECT_EQ(side.peer.requests.at(1)->bytes.heads_received, other.size());

  RecordedRequest& request = *side.peer.requests.at(0);
  http::ResponseHead& answer = request.NewResponse(200);
  const std::string large(40'000, '\x7e');  // longer when compressed
  answer.headers.Add("x-large", large);
  request.stream->SendHead(answer, true);
  const std::vector<SeenFrame> frames = side.Output();
  ASSERT_GT(Size(frames, kContinuationFrame), 9u);
  EXPECT_EQ(request.bytes.wire_sent, Size(frames, kHeadersFrame) + Size(frames, kContinuationFrame));
}

TEST(ByteMeter, AResetIsReceived) {
  RawSide<ServerPeer> side;
  const std::string head = HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders);
  side.Send(kPreface + SettingsFrame() + head + ResetFrame(1, 8));
  EXPECT_EQ(side.peer.requests.at(0)->bytes.wire_received, head.size() + 13);
}

TEST(ByteMeter, WithoutWindow) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame({{4, 10}}) + HeadersFrame(1, RequestFields()));
  RecordedRequest& request = *side.peer.requests.at(0);
  request.stream->SendHead(request.NewResponse(200), false);
  (void)request.stream->SendData(MakeSlice(side.pool, std::string(25, 'x')), true);
  const std::vector<SeenFrame> frames = side.Output();
  EXPECT_EQ(Size(frames, kDataFrame), 19u);
  EXPECT_EQ(request.bytes.wire_sent, Size(frames, kHeadersFrame) + 19);
  EXPECT_EQ(request.bytes.waiting, 15u);
}

TEST(ByteMeter, WhatWaitedWhenItWasReset) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame({{4, 10}}) + HeadersFrame(1, RequestFields()));
  RecordedRequest& request = *side.peer.requests.at(0);
  request.stream->SendHead(request.NewResponse(200), false);
  (void)request.stream->SendData(MakeSlice(side.pool, std::string(25, 'x')), false);
  side.Output();
  request.stream->Reset(ResetReason::kInternalError);
  EXPECT_EQ(request.bytes.waiting, 0u);
}

// The receiver goes while answers of it wait.
TEST(ByteMeter, TheReceiverGoesFirst) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame({{4, 10}}) + HeadersFrame(1, RequestFields()));
  RecordedRequest& request = *side.peer.requests.at(0);
  request.stream->SendHead(request.NewResponse(200), false);
  (void)request.stream->SendData(MakeSlice(side.pool, std::string(25, 'x')), true);
  side.Output();
  side.peer.requests.clear();
  EXPECT_EQ(Size(side.Exchange(WindowUpdateFrame(1, 100)), kDataFrame), 24u);
}

TEST(ByteMeter, BothSidesCountTheSame) {
  Pair pair;
  auto call = pair.client.NewCall("POST", "/a");
  call.head->headers.Add("x-a", "b");
  call.response->stream->SendHead(*call.head, false);
  (void)call.response->stream->SendData(MakeSlice(pair.pool, std::string(40'000, 'x')), true);
  pair.Run();
  RecordedRequest& request = *pair.server.requests.at(0);
  request.stream->SendHead(request.NewResponse(200), false);
  (void)request.stream->SendData(MakeSlice(pair.pool, "hello"), true);
  pair.Run();
  const ByteMeter& sent = call.response->bytes;
  EXPECT_GT(sent.wire_sent, 40'000u + 3 * 9);
  EXPECT_EQ(sent.wire_sent, request.bytes.wire_received);
  EXPECT_EQ(sent.wire_received, request.bytes.wire_sent);
  EXPECT_EQ(sent.heads_sent, request.bytes.heads_received);
  EXPECT_EQ(sent.heads_received, request.bytes.heads_sent);
  EXPECT_EQ(sent.texts_sent, request.bytes.texts_received);
  EXPECT_EQ(sent.texts_received, request.bytes.texts_sent);
}

}  // namespace
}  // namespace pillion::codec::http2
