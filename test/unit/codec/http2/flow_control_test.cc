// Windows and watermarks in both directions.

#include <gtest/gtest.h>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

// Sends `body` from the client as fast as it takes it: stops when told so, goes on when told so.
struct Upload {
  Upload(Pair& pair, ClientPeer::Call& call, size_t size) : pair(pair), call(call), left(size) {
    call.response->on_ready = [this] { Push(); };
    Push();
  }
  void Push() {
    while (left > 0) {
      const size_t part = std::min<size_t>(left, 10'000);
      left -= part;
      if (!call.response->stream->SendData(MakeSlice(pair.pool, std::string(part, 'u')), left == 0)) break;
    }
  }
  Pair& pair;
  ClientPeer::Call& call;
  size_t left;
};

ClientPeer::Call Post(Pair& pair) {
  auto call = pair.client.NewCall("POST", "/");
  call.response->stream->SendHead(*call.head, false);
  return call;
}

TEST(FlowControl, TinyWindowsStillMoveEverything) {
  Options options;
  options.initial_stream_window = 10;
  options.initial_connection_window = 65'535;
  Pair pair(options, options);
  auto call = Post(pair);
  Upload upload(pair, call, 5000);
  pair.Run();
  RecordedRequest& request = *pair.server.requests[0];
  EXPECT_TRUE(request.ended);
  EXPECT_EQ(request.body.size(), 5000u);
  request.stream->SendHead(request.NewResponse(200), false);
  (void)request.stream->SendData(MakeSlice(pair.pool, std::string(5000, 'd')), true);
  pair.Run();
  EXPECT_EQ(call.response->body.size(), 5000u);
  EXPECT_TRUE(call.response->ended);
}

TEST(FlowControl, PausedReceiverGetsOneWindowAndTheSenderIsStopped) {
  Options options;
  options.initial_stream_window = 50'000;
  Options sender = options;
  sender.send_high_watermark = 30'000;
  sender.send_low_watermark = 10'000;
  Pair pair(options, sender);
  auto call = Post(pair);
  pair.Run();
  RecordedRequest& request = *pair.server.requests[0];
  request.stream->PauseReading();
  Upload upload(pair, call, 1'000'000);
  pair.Run();
  EXPECT_EQ(request.body.size(), 50'000u);
  // Taken by the codec beside what it sent: less than what passes the high watermark, for the low one was not reached.
  EXPECT_EQ(1'000'000 - upload.left, 50'000u + 30'000u);
  request.stream->ResumeReading();
  pair.Run();
  EXPECT_TRUE(request.ended);
  EXPECT_EQ(request.body.size(), 1'000'000u);
}

TEST(FlowControl, PauseInTheMiddleManyTimes) {
  Options options;
  options.initial_stream_window = 20'000;
  Pair pair(options, options);
  auto call = Post(pair);
  pair.Run();
  RecordedRequest& request = *pair.server.requests[0];
  request.on_event = [&request] { request.stream->PauseReading(); };
  Upload upload(pair, call, 500'000);
  int rounds = 0;
  for (; !request.ended && rounds < 1000; ++rounds) {
    pair.Run();
    request.stream->ResumeReading();
    request.stream->ResumeReading();
  }
  EXPECT_EQ(request.body.size(), 500'000u);
  EXPECT_GE(rounds, 500'000 / 20'000);
}

// One slow stream does not stop the others, though it holds a whole window.
TEST(FlowControl, PausedStreamsLeaveTheConnectionToOthers) {
  Options options;
  options.initial_stream_window = 65'535;
  options.initial_connection_window = 100'000;
  options.max_held_bytes = 1'000'000;
  Pair pair(options, options);
  std::vector<ClientPeer::Call> slow;
  for (int i = 0; i < 10; ++i) {
    slow.push_back(Post(pair));
    pair.Run();
    pair.server.requests.back()->stream->PauseReading();
    (void)slow.back().response->stream->SendData(MakeSlice(pair.pool, std::string(15'000, 's')), false);
  }
  pair.Run();
  auto call = Post(pair);
  Upload upload(pair, call, 300'000);
  pair.Run();
  EXPECT_TRUE(pair.server.requests.back()->ended);
  EXPECT_EQ(pair.server.requests.back()->body.size(), 300'000u);
}

// But together they hold no more than the bound and a connection window.
TEST(FlowControl, HeldBytesAreBounded) {
  Options options;
  options.initial_stream_window = 65'535;
  options.initial_connection_window = 100'000;
  options.max_held_bytes = 200'000;
  Pair pair(options, options);
  std::vector<ClientPeer::Call> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(Post(pair));
    pair.Run();
    pair.server.requests.back()->stream->PauseReading();
    for (int part = 0; part < 4; ++part) {
      (void)slow.back().response->stream->SendData(MakeSlice(pair.pool, std::string(16'000, 's')), false);
    }
    pair.Run();
  }
  const auto received = [&pair] {
    size_t bytes = 0;
    for (const auto& request : pair.server.requests) bytes += request->body.size();
    return bytes;
  };
  EXPECT_GE(received(), 200'000u);
  EXPECT_LE(received(), 300'000u);
  // Whatever ends them, the window comes back: resumed, reset by the receiver, reset by the peer.
  for (size_t i = 0; i < slow.size(); ++i) {
    if (i % 3 == 0) pair.server.requests[i]->stream->ResumeReading();
    if (i % 3 == 1) pair.server.requests[i]->stream->Reset(ResetReason::kCancel);
    if (i % 3 == 2) slow[i].response->stream->Reset(ResetReason::kCancel);
  }
  pair.Run();
  auto call = Post(pair);
  Upload upload(pair, call, 1'000'000);
  pair.Run();
  EXPECT_TRUE(pair.server.requests.back()->ended);
}

// Data of streams that are over is granted to the connection again.
TEST(FlowControl, DroppedDataCostsNoWindow) {
  Options options;
  options.initial_connection_window = 65'535;
  Pair pair(options, options);
  for (int i = 0; i < 50; ++i) {
    auto call = Post(pair);
    pair.Run();
    pair.server.requests.back()->stream->Reset(ResetReason::kInternalError);
    (void)call.response->stream->SendData(MakeSlice(pair.pool, std::string(16'000, 's')), false);
    pair.Run();
  }
  auto call = Post(pair);
  Upload upload(pair, call, 300'000);
  pair.Run();
  EXPECT_TRUE(pair.server.requests.back()->ended);
}

// What a stream has given stays small when the peer grants nothing, and goes when the stream does.
TEST(FlowControl, BlockedAnswersAreBounded) {
  RawSide<ServerPeer> side;
  side.options.send_high_watermark = 20'000;
  side.options.send_low_watermark = 5'000;
  side.Send(kPreface + SettingsFrame({{4, 0}}));
  const size_t free_before = side.pool.free_bytes();
  for (uint32_t id = 1; id < 201; id += 2) {
    side.Send(HeadersFrame(id, RequestFields()));
    RecordedRequest& request = *side.peer.requests.back();
    request.stream->SendHead(request.NewResponse(200), false);
    EXPECT_TRUE(request.stream->SendData(MakeSlice(side.pool, std::string(15'000, 'x')), false));
    EXPECT_FALSE(request.stream->SendData(MakeSlice(side.pool, std::string(10'000, 'x')), false));
    EXPECT_EQ(FramesText(side.Output()), "HEADERS " + std::to_string(id) + "\n");
  }
  // A window opens: those that fall below the low watermark are told, once.
  std::string text = side.Send(WindowUpdateFrame(1, 21'000));
  EXPECT_EQ(text, "DATA 1 16384\nDATA 1 4616\n");
  EXPECT_EQ(side.peer.requests[0]->log.back(), "ready");
  text = side.Send(WindowUpdateFrame(3, 5'000));
  EXPECT_EQ(text, "DATA 3 5000\n");
  EXPECT_EQ(side.peer.requests[1]->log.size(), 1u);
  for (uint32_t id = 1; id < 201; id += 2) side.Send(ResetFrame(id, 8));
  EXPECT_EQ(side.peer.connection.active_streams(), 0u);
  side.peer.requests.clear();
  EXPECT_GT(side.pool.free_bytes(), free_before);
}

// Told to stop, a stream may still be given data; it stays blocked until it was told to go on.
TEST(FlowControl, BlockedUntilTold) {
  RawSide<ServerPeer> side;
  side.options.send_high_watermark = 20'000;
  side.options.send_low_watermark = 5'000;
  side.Send(kPreface + SettingsFrame({{4, 0}}) + HeadersFrame(1, RequestFields()));
  RecordedRequest& request = *side.peer.requests[0];
  request.stream->SendHead(request.NewResponse(200), false);
  EXPECT_FALSE(request.stream->SendData(MakeSlice(side.pool, std::string(12'000, 'x')), false) &&
               request.stream->SendData(MakeSlice(side.pool, std::string(12'000, 'x')), false));
  side.Send(WindowUpdateFrame(1, 12'000));  // between the two watermarks now
  EXPECT_FALSE(request.stream->SendData(MakeSlice(side.pool, "more"), false));
  EXPECT_EQ(request.log.size(), 1u);
  side.Send(WindowUpdateFrame(1, 10'000));
  EXPECT_EQ(request.log.back(), "ready");
  EXPECT_TRUE(request.stream->SendData(MakeSlice(side.pool, "more"), false));
}

// H31: a window that was used already becomes negative, and is filled from there.
TEST(FlowControl, InitialWindowLoweredBelowUsed) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame({{4, 1000}}) + HeadersFrame(1, RequestFields()));
  RecordedRequest& request = *side.peer.requests[0];
  request.stream->SendHead(request.NewResponse(200), false);
  (void)request.stream->SendData(MakeSlice(side.pool, std::string(5000, 'x')), true);
  EXPECT_EQ(FramesText(side.Output()), "HEADERS 1\nDATA 1 1000\n");
  EXPECT_EQ(side.Send(SettingsFrame({{4, 10}})), "");
  EXPECT_EQ(side.Send(WindowUpdateFrame(1, 990)), "");
  EXPECT_EQ(side.Send(WindowUpdateFrame(1, 100)), "DATA 1 100\n");
  EXPECT_EQ(side.Send(SettingsFrame({{4, 10'000}})), "DATA 1 3900 end\n");
}

// Control frames and heads go whatever waits in the output; data does not.
TEST(FlowControl, BudgetHoldsBackDataOnly) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame({{4, 1 << 20}}) + WindowUpdateFrame(0, 1 << 20) + HeadersFrame(1, RequestFields()));
  RecordedRequest& request = *side.peer.requests[0];
  request.stream->SendHead(request.NewResponse(200), false);
  (void)request.stream->SendData(MakeSlice(side.pool, std::string(16'000, 'x')), false);
  (void)request.stream->SendData(MakeSlice(side.pool, std::string(16'000, 'y')), false);
  EXPECT_EQ(FramesText(side.Output(1)), "HEADERS 1\n");
  EXPECT_EQ(FramesText(side.Output(1)), "DATA 1 16384\n");
  side.drain = false;
  EXPECT_EQ(FramesText(side.Output(1)), "DATA 1 15616\n");
  (void)request.stream->SendData(MakeSlice(side.pool, std::string(100, 'z')), false);
  EXPECT_EQ(FramesText(side.Output(1)), "DATA 1 15616\n");
  side.peer.link.clear_wanted();
  side.peer.connection.OutputDrained();
  EXPECT_TRUE(side.peer.link.wanted());
}

// Two large answers share the connection.
TEST(FlowControl, StreamsTakeTurns) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame({{4, 1 << 24}}) + WindowUpdateFrame(0, 1 << 24) + HeadersFrame(1, RequestFields()) +
            HeadersFrame(3, RequestFields()));
  for (auto& request : side.peer.requests) {
    request->stream->SendHead(request->NewResponse(200), false);
    for (int i = 0; i < 12; ++i) {
      (void)request->stream->SendData(MakeSlice(side.pool, std::string(16'000, 'x')), false);
    }
  }
  size_t sent[2] = {0, 0};
  for (const SeenFrame& frame : side.Output(100'000)) {
    if (frame.type == kDataFrame) sent[frame.stream_id / 2] += frame.payload.size();
  }
  EXPECT_GE(sent[0], 40'000u);
  EXPECT_GE(sent[1], 40'000u);
}

}  // namespace
}  // namespace pillion::codec::http2
