// Peers that make us work for nothing: counted, and past a bound the connection ends with ENHANCE_YOUR_CALM.

#include <gtest/gtest.h>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

constexpr char kCalm[] = "ENHANCE_YOUR_CALM\n";

std::string Repeat(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

struct Case {
  std::string name;
  std::string prefix;  // behind preface and SETTINGS
  std::string frame;
  size_t harmless;     // so many in one read are no flood
  size_t flood;        // so many are
  std::string counted;
};

class FrameFlood : public testing::TestWithParam<Case> {};

TEST_P(FrameFlood, EndsTheConnection) {
  const Case& test = GetParam();
  {
    RawSide<ServerPeer> side;
    side.Send(kPreface + SettingsFrame() + test.prefix + Repeat(test.frame, test.harmless));
    EXPECT_EQ(side.peer.fatal_flood, "");
    EXPECT_EQ(side.peer.connection.ending(), Ending::kOpen);
  }
  RawSide<ServerPeer> side;
  const std::string answer = side.Send(kPreface + SettingsFrame() + test.prefix + Repeat(test.frame, test.flood));
  EXPECT_TRUE(answer.ends_with(kCalm)) << answer;
  EXPECT_EQ(side.peer.fatal_flood, test.counted);
  EXPECT_EQ(side.peer.connection.ending(), Ending::kLinger);
  for (const auto& request : side.peer.requests) EXPECT_TRUE(request->reset) << request->Text();
}

const std::string kOpenRequest = HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders);

INSTANTIATE_TEST_SUITE_P(
    Flood, FrameFlood,
    testing::Values(
        Case{"Ping", "", RawFrame(kPingFrame, 0, 0, "12345678"), 200, 3000, "ping"},
        Case{"Settings", "", SettingsFrame(), 40, 100, "settings"},
        Case{"SettingsWithValues", "", SettingsFrame({{4, 65'535}}), 40, 100, "settings"},
        Case{"PriorityIdle", "", RawFrame(kPriorityFrame, 0, 9, std::string("\0\0\0\0\7", 5)), 100, 101, "priority"},
        Case{"PriorityOpen", kOpenRequest, RawFrame(kPriorityFrame, 0, 1, std::string("\0\0\0\0\7", 5)), 200, 201,
             "priority"},
        Case{"WindowUpdate", kOpenRequest, WindowUpdateFrame(1, 1), 100, 110, "window_update"},
        Case{"WindowUpdateConnection", "", WindowUpdateFrame(0, 1), 100, 101, "window_update"},
        Case{"EmptyData", kOpenRequest, DataFrame(1, ""), 16, 17, "empty_frame"},
        Case{"EmptyPaddedData", kOpenRequest, RawFrame(kDataFrame, kPadded, 1, std::string("\3\0\0\0", 4)), 16, 17,
             "empty_frame"},
        Case{"EmptyContinuation", RawFrame(kHeadersFrame, kEndStream, 1, HpackBlock(RequestFields())),
             RawFrame(kContinuationFrame, 0, 1), 8, 9, "continuation"}),
    [](const auto& info) { return info.param.name; });

TEST(Flood, ContinuationWithoutEndIsBoundedInMemory) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame() + RawFrame(kHeadersFrame, kEndStream, 1, HpackBlock(RequestFields())));
  const std::string fields = HpackField("x-a", std::string(16'000, 'a'));
  std::string answer;
  for (int i = 0; i < 500 && answer.empty(); ++i) answer = side.Send(RawFrame(kContinuationFrame, 0, 1, fields));
  EXPECT_EQ(answer, std::string("GOAWAY 1 ") + kCalm);
  EXPECT_LT(side.peer.requests[0]->arena().bytes_taken(), 70'000u);
}

TEST(Flood, TooManySettingsInOneFrame) {
  RawSide<ServerPeer> side;
  std::vector<std::pair<uint16_t, uint32_t>> settings(2700, {0x99, 1});
  EXPECT_EQ(side.Send(kPreface + SettingsFrame() + SettingsFrame(settings)), std::string("GOAWAY 0 ") + kCalm);
  EXPECT_FALSE(side.peer.error.empty());
}

// Requests that are reset by the peer before their answer (CVE-2023-44487).
TEST(Flood, RapidReset) {
  RawSide<ServerPeer> side;
  std::string answer = side.Send(kPreface + SettingsFrame());
  uint32_t id = 1;
  for (; id < 40'000 && answer.empty(); id += 2) {
    answer = side.Send(HeadersFrame(id, RequestFields()) + ResetFrame(id, 8));
  }
  EXPECT_TRUE(answer.ends_with(kCalm)) << answer;
  EXPECT_EQ(side.peer.fatal_flood, "reset");
  EXPECT_EQ(side.peer.requests.size(), side.options.floods.resets + 1);
}

TEST(Flood, RapidResetInOneRead) {
  RawSide<ServerPeer> side;
  std::string bytes = kPreface + SettingsFrame();
  for (uint32_t id = 1; id < 40'000; id += 2) bytes += HeadersFrame(id, RequestFields()) + ResetFrame(id, 8);
  EXPECT_TRUE(side.Send(bytes).ends_with(kCalm));
  EXPECT_EQ(side.peer.requests.size(), side.options.floods.resets + 1);
}

// Streams that the peer makes us reset (CVE-2025-8671).
TEST(Flood, MadeYouReset) {
  const std::string ways[] = {"window_overflow", "too_much_data", "bad_head"};
  for (const std::string& way : ways) {
    RawSide<ServerPeer> side;
    std::string answer;
    side.Send(kPreface + SettingsFrame());
    for (uint32_t id = 1; id < 10'000 && side.peer.fatal_flood.empty(); id += 2) {
      std::string bytes = HeadersFrame(id, RequestFields({{"content-length", "1"}}, "POST"), kEndHeaders);
      if (way == "window_overflow") bytes += WindowUpdateFrame(id, 0x7fffffff);
      if (way == "too_much_data") bytes += DataFrame(id, "xx");
      if (way == "bad_head") bytes = HeadersFrame(id, RequestFields({{"Upper", "1"}}));
      answer = side.Send(bytes);
    }
    EXPECT_TRUE(answer.ends_with(kCalm)) << way << answer;
    EXPECT_EQ(side.peer.fatal_flood, "reset") << way;
    EXPECT_LE(side.peer.requests.size(), side.options.floods.resets + 1) << way;
  }
}

// A client that cancels now and then among requests that end well goes on for ever.
TEST(Flood, CancelsAmongAnswersAreFine) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame());
  for (uint32_t id = 1; id < 8000; id += 4) {
    side.Send(HeadersFrame(id, RequestFields()) + ResetFrame(id, 8) + HeadersFrame(id + 2, RequestFields()));
    RecordedRequest& request = *side.peer.requests.back();
    request.stream->SendHead(request.NewResponse(200), true);
    side.Output();
  }
  EXPECT_EQ(side.peer.fatal_flood, "");
  EXPECT_EQ(side.peer.requests.size(), 4000u);
}

// So does one that ends calls which are being answered: a stream of events that nobody waits for any more.
TEST(Flood, CancelsOfAnsweredStreamsAreFine) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame());
  for (uint32_t id = 1; id < 8000; id += 2) {
    side.Send(HeadersFrame(id, RequestFields()));
    RecordedRequest& request = *side.peer.requests.back();
    request.stream->SendHead(request.NewResponse(200), false);
    side.Output();
    side.Send(ResetFrame(id, 8));
  }
  EXPECT_EQ(side.peer.fatal_flood, "");
}

TEST(Flood, AnswersThatAreNotRead) {
  Options options;
  options.floods.pings = 1'000'000;
  RawSide<ServerPeer> side(options);
  side.drain = false;
  side.Send(kPreface + SettingsFrame());
  const std::string pings = Repeat(RawFrame(kPingFrame, 0, 0, "12345678"), 50);
  for (int i = 0; i < 1000 && side.peer.fatal_flood.empty(); ++i) side.Send(pings);
  EXPECT_EQ(side.peer.fatal_flood, "outbound");
  EXPECT_LT(side.peer.link.output().size(), 40'000u);

  // Those that are read are no flood.
  RawSide<ServerPeer> reading(options);
  reading.Send(kPreface + SettingsFrame());
  for (int i = 0; i < 1000; ++i) reading.Send(pings);
  EXPECT_EQ(reading.peer.fatal_flood, "");
}

// Nor are those that are read late, however long the output is never empty.
TEST(Flood, FramesThatAreReadLateAreFine) {
  Options options;
  options.floods.pings = 1'000'000;
  options.floods.outbound = 200;
  options.floods.outbound_frames = 300;
  RawSide<ServerPeer> side(options);
  side.drain = false;
  side.Send(kPreface + SettingsFrame());
  const std::string pings = Repeat(RawFrame(kPingFrame, 0, 0, "12345678"), 40);
  for (int i = 0; i < 1000; ++i) {
    side.Send(pings);
    base::Buffer& output = side.peer.link.output();
    if (output.size() > 40 * 17) output.Drain(output.size() - 40 * 17);  // all but the last portion
  }
  EXPECT_EQ(side.peer.fatal_flood, "");
}

// Heads of answers go whatever waits in the output.
TEST(Flood, HeadsThatAreNotRead) {
  Options options;
  options.floods.outbound_frames = 500;
  RawSide<ServerPeer> side(options);
  side.drain = false;
  side.peer.on_request = [](RecordedRequest& request) {
    request.on_event = [&request] { request.stream->SendHead(request.NewResponse(404), true); };
  };
  side.Send(kPreface + SettingsFrame());
  for (uint32_t id = 1; id < 10'000 && side.peer.fatal_flood.empty(); id += 2) {
    side.Send(HeadersFrame(id, RequestFields()));
  }
  EXPECT_EQ(side.peer.fatal_flood, "outbound_frames");
  EXPECT_NEAR(static_cast<double>(side.peer.requests.size()), 500, 5);
}

// Data waits until there is room for its frames: small pieces are no flood.
TEST(Flood, SmallDataWaits) {
  Options options;
  options.floods.outbound_frames = 100;
  RawSide<ServerPeer> side(options);
  side.Send(kPreface + SettingsFrame() + HeadersFrame(1, RequestFields()));
  RecordedRequest& request = *side.peer.requests.at(0);
  request.stream->SendHead(request.NewResponse(200), false);
  side.drain = false;
  for (int i = 0; i < 1000; ++i) {
    (void)request.stream->SendData(MakeSlice(side.pool, "x"), i == 999);
    side.Output();
  }
  EXPECT_LT(side.peer.link.output().size(), 60 * 10u);
  side.drain = true;
  size_t data = 0;
  for (int i = 0; i < 10; ++i) {
    side.peer.connection.OutputDrained();
    for (const SeenFrame& frame : side.Output()) data += frame.type == kDataFrame ? frame.payload.size() : 0;
  }
  EXPECT_EQ(data, 1000u);
  EXPECT_EQ(side.peer.fatal_flood, "");
}

// Window that is granted for data that was sent is no flood, however late it comes.
TEST(Flood, WindowUpdatesForDataAreFine) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame({{4, 1 << 20}}) + WindowUpdateFrame(0, 1 << 20) + HeadersFrame(1, RequestFields()));
  RecordedRequest& request = *side.peer.requests[0];
  request.stream->SendHead(request.NewResponse(200), false);
  for (int i = 0; i < 1000; ++i) {
    (void)request.stream->SendData(MakeSlice(side.pool, "0123456789"), false);
    side.Output();
  }
  side.Send(Repeat(WindowUpdateFrame(1, 10) + WindowUpdateFrame(0, 10), 1000));
  EXPECT_EQ(side.peer.fatal_flood, "");
}

TEST(Flood, PingsFromTimeToTimeAreFine) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame());
  for (int i = 0; i < 10'000; ++i) side.Send(RawFrame(kPingFrame, 0, 0, "12345678"));
  EXPECT_EQ(side.peer.fatal_flood, "");
}

}  // namespace
}  // namespace pillion::codec::http2
