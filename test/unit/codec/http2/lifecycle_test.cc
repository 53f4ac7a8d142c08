// How streams and connections end: resets in every state, GOAWAY, drains, capacity.

#include <gtest/gtest.h>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

const std::string kGet = HeadersFrame(1, RequestFields());
const std::string kOpenPost = HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders);

// Resets by the receiver at every step of an exchange; a stream that is over does nothing more.
TEST(Lifecycle, ServerResetInEveryState) {
  enum Step { kAtBegin, kAtHead, kAfterHead, kAfterAnswerHead, kAfterData, kAfterEnd, kAfterTrailers, kSteps };
  for (int step = kAtBegin; step < kSteps; ++step) {
    for (const bool produced : {false, true}) {
      for (const ResetReason reason : {ResetReason::kNoError, ResetReason::kCancel, ResetReason::kProtocolError,
                                       ResetReason::kInternalError, ResetReason::kRefused}) {
        RawSide<ServerPeer> side;
        side.peer.on_request = [&](RecordedRequest& request) {
          if (step == kAtBegin) request.stream->Reset(reason);
          request.on_event = [&] {
            if (step == kAtHead) request.stream->Reset(reason);
          };
        };
        std::string frames = side.Send(kPreface + SettingsFrame() + kOpenPost);
        RecordedRequest& request = *side.peer.requests[0];
        const auto reached = [&](Step wanted) {
          if (produced) frames += FramesText(side.Output());
          if (step == wanted) request.stream->Reset(reason);
          return step <= wanted;
        };
        if (!reached(kAfterHead)) {
          request.stream->SendHead(request.NewResponse(200), false);
          if (!reached(kAfterAnswerHead)) {
            (void)request.stream->SendData(MakeSlice(side.pool, "data"), step == kAfterEnd);
            if (!reached(kAfterData) && !reached(kAfterEnd)) {
              http::HeaderMap trailers(request.arena());
              trailers.Add("x-t", "1");
              request.stream->SendTrailers(trailers);
              reached(kAfterTrailers);
            }
          }
        }
        frames += FramesText(side.Output());
        const bool complete = step >= kAfterEnd && reason == ResetReason::kNoError;
        EXPECT_NE(frames.find("RST_STREAM 1 "), frames.npos) << step;
        EXPECT_EQ(frames.find("end") != frames.npos, complete || (produced && step >= kAfterEnd)) << step << frames;
        if (complete) {
          EXPECT_TRUE(frames.ends_with(" end\nRST_STREAM 1 NO_ERROR\n")) << frames;
        }
        EXPECT_EQ(side.peer.connection.active_streams(), 0u) << step;
        // Nothing more for a stream that is over, from either side.
        (void)side.Send(DataFrame(1, "late", kEndStream));
        EXPECT_EQ(request.log.size(), step == kAtBegin ? 0u : 1u) << request.Text();
        EXPECT_EQ(side.peer.connection.ending(), Ending::kOpen);
      }
    }
  }
}

TEST(Lifecycle, PeerResetInEveryState) {
  for (int step = 0; step < 4; ++step) {
    RawSide<ServerPeer> side;
    side.Send(kPreface + SettingsFrame() + kOpenPost);
    RecordedRequest& request = *side.peer.requests[0];
    if (step >= 1) request.stream->SendHead(request.NewResponse(200), false);
    if (step >= 2) (void)request.stream->SendData(MakeSlice(side.pool, "data"), false);
    if (step >= 3) (void)request.stream->SendData(MakeSlice(side.pool, "data"), true);
    EXPECT_EQ(side.Send(ResetFrame(1, 8)), "");
    EXPECT_EQ(request.log.back(), "reset peer_reset http2.remote_reset");
    EXPECT_EQ(side.peer.connection.active_streams(), 0u);
  }
}

TEST(Lifecycle, AnswerThatIsCompleteNeedsNoReceiver) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame({{4, 5}}) + kGet);
  RecordedRequest& request = *side.peer.requests[0];
  request.stream->SendHead(request.NewResponse(200), false);
  (void)request.stream->SendData(MakeSlice(side.pool, "0123456789"), true);
  side.peer.requests.clear();  // over for its receiver, not yet on the wire
  EXPECT_EQ(FramesText(side.Output()), "HEADERS 1\nDATA 1 5\n");
  EXPECT_EQ(side.peer.connection.active_streams(), 1u);
  EXPECT_EQ(side.Send(WindowUpdateFrame(1, 100)), "DATA 1 5 end\n");
  EXPECT_EQ(side.peer.connection.active_streams(), 0u);
}

TEST(Lifecycle, ServerDrain) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame() + kGet);
  side.peer.connection.StartDrain();
  EXPECT_EQ(FramesText(side.Output()), "GOAWAY 2147483647 NO_ERROR\n");
  // Requests that were on their way are still taken.
  EXPECT_EQ(side.Send(HeadersFrame(3, RequestFields())), "");
  EXPECT_EQ(side.peer.requests.size(), 2u);
  side.peer.connection.FinishDrain();
  EXPECT_EQ(FramesText(side.Output()), "GOAWAY 3 NO_ERROR\n");
  EXPECT_EQ(side.Send(HeadersFrame(5, RequestFields({}, "POST"), kEndHeaders) + DataFrame(5, "x", kEndStream)), "");
  EXPECT_EQ(side.peer.requests.size(), 2u);
  EXPECT_EQ(side.peer.connection.ending(), Ending::kOpen);
  for (auto& request : side.peer.requests) request->stream->SendHead(request->NewResponse(200), true);
  EXPECT_EQ(FramesText(side.Output()), "HEADERS 1 end\nHEADERS 3 end\n");
  EXPECT_EQ(side.peer.connection.ending(), Ending::kLinger);
}

TEST(Lifecycle, IdleServerDrainEndsAtOnce) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame());
  side.peer.connection.StartDrain();
  side.peer.connection.FinishDrain();
  EXPECT_EQ(FramesText(side.Output()), "GOAWAY 2147483647 NO_ERROR\nGOAWAY 0 NO_ERROR\n");
  EXPECT_EQ(side.peer.connection.ending(), Ending::kLinger);
}

// H40
TEST(Lifecycle, ClientGoesAwayStreamsFinish) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame() + kGet + RawFrame(kGoAwayFrame, 0, 0, Number(0, 4) + Number(0, 4) + "bye"));
  EXPECT_EQ(side.peer.connection.ending(), Ending::kOpen);
  RecordedRequest& request = *side.peer.requests[0];
  EXPECT_EQ(request.Text(), "head GET http h.test / end\n");
  request.stream->SendHead(request.NewResponse(200), true);
  EXPECT_EQ(FramesText(side.Output()), "HEADERS 1 end\n");
  EXPECT_EQ(side.peer.connection.ending(), Ending::kLinger);
}

// H42
TEST(Lifecycle, UpstreamGoesAway) {
  RawSide<ClientPeer> side;
  std::vector<ClientPeer::Call> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(side.peer.NewCall("GET", "/"));
    calls.back().response->stream->SendHead(*calls.back().head, true);
  }
  side.Output();
  side.Send(SettingsFrame() + RawFrame(kGoAwayFrame, 0, 0, Number(3, 4) + Number(0, 4)));
  EXPECT_EQ(calls[0].response->Text(), "");
  EXPECT_EQ(calls[2].response->Text(), "reset refused http2.remote_refuse\n");
  EXPECT_FALSE(side.peer.connection.reusable());
  EXPECT_EQ(side.peer.connection.capacity(), 0u);
  EXPECT_GE(side.peer.capacity_changes, 1);
  EXPECT_EQ(side.peer.connection.ending(), Ending::kOpen);
  side.Send(HeadersFrame(1, {{":status", "200"}}) + HeadersFrame(3, {{":status", "204"}}));
  EXPECT_EQ(calls[0].response->Text(), "head 200 end\n");
  EXPECT_EQ(calls[1].response->Text(), "head 204 end\n");
  EXPECT_EQ(side.peer.streams_ended, 3);
  EXPECT_EQ(side.peer.connection.ending(), Ending::kClose);
}

// D19: GOAWAY behind resets, and resets behind GOAWAY.
TEST(Lifecycle, ResetsAroundGoAwayFreeEverything) {
  for (const bool goaway_first : {false, true}) {
    RawSide<ClientPeer> side;
    std::vector<ClientPeer::Call> calls;
    for (int i = 0; i < 50; ++i) {
      calls.push_back(side.peer.NewCall("POST", "/"));
      calls.back().response->stream->SendHead(*calls.back().head, false);
      (void)calls.back().response->stream->SendData(MakeSlice(side.pool, std::string(10'000, 'x')), false);
    }
    side.Output();
    std::string resets;
    for (uint32_t id = 1; id < 100; id += 4) resets += ResetFrame(id, 8);
    const std::string goaway = RawFrame(kGoAwayFrame, 0, 0, Number(0, 4) + Number(11, 4));
    side.Send(SettingsFrame() + (goaway_first ? goaway + resets : resets + goaway));
    EXPECT_EQ(side.peer.connection.active_streams(), 0u);
    EXPECT_EQ(side.peer.streams_ended, 50);
    for (auto& call : calls) EXPECT_EQ(call.response->log.size(), 1u);
    EXPECT_EQ(side.peer.connection.ending(), Ending::kClose);
  }
}

TEST(Lifecycle, GoAwayInTheTurnOfNewRequests) {
  RawSide<ClientPeer> side;
  side.Output();
  auto call = side.peer.NewCall("GET", "/");
  call.response->stream->SendHead(*call.head, true);
  side.Send(SettingsFrame() + RawFrame(kGoAwayFrame, 0, 0, Number(0, 4) + Number(0, 4)));
  EXPECT_EQ(call.response->Text(), "reset refused http2.remote_refuse\n");
  EXPECT_EQ(side.peer.connection.active_streams(), 0u);
}

// H43
TEST(Lifecycle, CapacityFollowsThePeer) {
  RawSide<ClientPeer> side;
  EXPECT_EQ(side.peer.connection.capacity(), 100u);  // until the peer has said more
  side.Output();
  side.Send(SettingsFrame({{3, 2}}));
  EXPECT_EQ(side.peer.capacity_changes, 1);
  EXPECT_EQ(side.peer.connection.capacity(), 2u);
  auto first = side.peer.NewCall("GET", "/");
  first.response->stream->SendHead(*first.head, true);
  EXPECT_EQ(side.peer.connection.capacity(), 1u);
  auto second = side.peer.NewCall("GET", "/");
  second.response->stream->SendHead(*second.head, true);
  EXPECT_EQ(side.peer.connection.capacity(), 0u);
  EXPECT_EQ(FramesText(side.Output()), "HEADERS 1 end\nHEADERS 3 end\n");
  side.Send(SettingsFrame({{3, 0}}));
  EXPECT_EQ(side.peer.connection.capacity(), 0u);
  EXPECT_TRUE(side.peer.connection.reusable());
  side.Send(HeadersFrame(1, {{":status", "200"}}));
  EXPECT_EQ(side.peer.connection.capacity(), 0u);
  side.Send(SettingsFrame({{3, 4'000'000'000}}));
  EXPECT_EQ(side.peer.connection.capacity(), 1023u);  // our own bound
  EXPECT_EQ(second.response->Text(), "");
}

TEST(Lifecycle, RequestsBegunBeforeTheLimitWasLoweredAreRefused) {
  RawSide<ClientPeer> side;
  side.Send(SettingsFrame({{3, 10}}));
  std::vector<ClientPeer::Call> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(side.peer.NewCall("POST", "/"));
    calls.back().response->stream->SendHead(*calls.back().head, false);
    (void)calls.back().response->stream->SendData(MakeSlice(side.pool, "data"), true);
  }
  EXPECT_EQ(side.Send(SettingsFrame({{3, 1}})), "HEADERS 1\nDATA 1 4 end\n");
  EXPECT_EQ(calls[1].response->Text(), "reset refused http2.concurrency_lowered\n");
  EXPECT_EQ(calls[2].response->Text(), "reset refused http2.concurrency_lowered\n");
  calls.resize(1);  // and their texts are gone
  EXPECT_EQ(side.Send(HeadersFrame(1, {{":status", "200"}})), "");
  EXPECT_EQ(side.peer.connection.active_streams(), 0u);
  EXPECT_EQ(side.peer.streams_ended, 3);
}

TEST(Lifecycle, CancelBeforeTheHeadIsSent) {
  RawSide<ClientPeer> side;
  side.Output();
  auto none = side.peer.NewCall("GET", "/");
  none.response->stream->Reset(ResetReason::kCancel);  // no head at all
  auto call = side.peer.NewCall("GET", "/");
  call.response->stream->SendHead(*call.head, true);
  call.response->stream->Reset(ResetReason::kCancel);
  EXPECT_EQ(side.peer.streams_ended, 0);  // told later, not from within the call
  EXPECT_EQ(FramesText(side.Output()), "");
  EXPECT_EQ(side.peer.streams_ended, 2);
  EXPECT_EQ(side.peer.connection.active_streams(), 0u);
}

TEST(Lifecycle, ClientResets) {
  const std::pair<ResetReason, std::string> cases[] = {{ResetReason::kNoError, "CANCEL"},
                                                       {ResetReason::kCancel, "CANCEL"},
                                                       {ResetReason::kProtocolError, "PROTOCOL_ERROR"},
                                                       {ResetReason::kInternalError, "INTERNAL_ERROR"}};
  for (const auto& [reason, code] : cases) {
    for (const bool request_ended : {false, true}) {
      RawSide<ClientPeer> side;
      auto call = side.peer.NewCall("POST", "/");
      call.response->stream->SendHead(*call.head, request_ended);
      side.Output();
      side.Send(SettingsFrame() + HeadersFrame(1, {{":status", "200"}}, kEndHeaders) + DataFrame(1, "part"));
      call.response->stream->Reset(reason);
      EXPECT_EQ(FramesText(side.Output()), "RST_STREAM 1 " + code + "\n");
      EXPECT_EQ(side.peer.connection.active_streams(), 0u);
      EXPECT_EQ(side.peer.streams_ended, 1);
      EXPECT_EQ(side.Send(DataFrame(1, "late", kEndStream)), "");
      EXPECT_EQ(call.response->Text(), "head 200\ndata 4\n");
    }
  }
}

TEST(Lifecycle, EarlyAnswerThenTheRequestIsCancelled) {
  Pair pair;
  auto call = pair.client.NewCall("POST", "/");
  call.response->stream->SendHead(*call.head, false);
  pair.Run();
  RecordedRequest& request = *pair.server.requests[0];
  request.stream->SendHead(request.NewResponse(413), true);
  request.stream->Reset(ResetReason::kNoError);
  pair.Run();
  EXPECT_EQ(call.response->log[0], "head 413 end");
  EXPECT_EQ(pair.client.connection.active_streams(), 0u);
  EXPECT_EQ(pair.server.connection.active_streams(), 0u);
}

TEST(Lifecycle, ClientDrain) {
  Pair pair;
  auto call = pair.client.NewCall("GET", "/");
  call.response->stream->SendHead(*call.head, true);
  pair.Run();
  pair.client.connection.StartDrain();
  EXPECT_FALSE(pair.client.connection.reusable());
  EXPECT_EQ(pair.client.connection.ending(), Ending::kOpen);
  RecordedRequest& request = *pair.server.requests[0];
  request.stream->SendHead(request.NewResponse(200), true);
  pair.Run();
  EXPECT_EQ(call.response->Text(), "head 200 end\n");
  EXPECT_EQ(pair.client.connection.ending(), Ending::kClose);
}

TEST(Lifecycle, UpstreamEndsInTheMiddle) {
  RawSide<ClientPeer> side;
  auto call = side.peer.NewCall("GET", "/");
  call.response->stream->SendHead(*call.head, true);
  side.Output();
  side.Send(SettingsFrame() + HeadersFrame(1, {{":status", "200"}}, kEndHeaders) + DataFrame(1, "part"));
  side.peer.connection.ReceiveEnd();
  EXPECT_EQ(call.response->Text(), "head 200\ndata 4\nreset connection_end http2.connection_end\n");
  EXPECT_FALSE(side.peer.connection.reusable());
  side.Output();
  EXPECT_EQ(side.peer.connection.ending(), Ending::kClose);
}

// The connection may go with streams in every state, and with output that nobody read.
TEST(Lifecycle, ConnectionGoesInTheMiddle) {
  Pair pair;
  std::vector<ClientPeer::Call> calls;
  for (int i = 0; i < 10; ++i) {
    calls.push_back(pair.client.NewCall("POST", "/"));
    calls.back().response->stream->SendHead(*calls.back().head, false);
    if (i % 2 == 0) pair.Run();
    (void)calls.back().response->stream->SendData(MakeSlice(pair.pool, std::string(16'000, 'x')), i % 3 == 0);
    if (i % 3 == 0) {
      Move(pair.pool, pair.client, pair.server);
      if (!pair.server.requests.empty()) pair.server.requests.back()->stream->PauseReading();
    }
  }
}

}  // namespace
}  // namespace pillion::codec::http2
