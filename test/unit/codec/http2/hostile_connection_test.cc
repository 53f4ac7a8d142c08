// What breaks the connection, by RFC 9113, and what does not.

#include <gtest/gtest.h>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

struct Case {
  std::string name;
  std::string bytes;   // behind the preface and SETTINGS, unless it has its own
  std::string answer;
  bool own_preface = false;
};

const std::string kRequest = HeadersFrame(1, RequestFields());
const std::string kOpenRequest = HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders);

class BrokenConnection : public testing::TestWithParam<Case> {};

TEST_P(BrokenConnection, EndsWithGoAway) {
  for (const size_t piece : {60'000u, 7u, 1u}) {
    RawSide<ServerPeer> side;
    const Case& test = GetParam();
    EXPECT_EQ(side.Send((test.own_preface ? "" : kPreface + SettingsFrame()) + test.bytes, piece), test.answer);
    EXPECT_FALSE(side.peer.error.empty());
    EXPECT_EQ(side.peer.connection.ending(), Ending::kLinger);
    for (const auto& request : side.peer.requests) EXPECT_TRUE(request->reset) << request->Text();
    // What comes later changes nothing.
    const size_t requests = side.peer.requests.size();
    EXPECT_EQ(side.Send(HeadersFrame(101, RequestFields())), "");
    EXPECT_EQ(side.peer.requests.size(), requests);
  }
}

std::string GoAway(uint32_t last, std::string_view code) {
  return "GOAWAY " + std::to_string(last) + " " + std::string(code) + "\n";
}

std::string Hpack(std::string_view block) { return RawFrame(kHeadersFrame, kEndStream | kEndHeaders, 1, block); }

INSTANTIATE_TEST_SUITE_P(
    HostileConnection, BrokenConnection,
    testing::Values(
        Case{"WrongPreface", "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n" + SettingsFrame(), GoAway(0, "PROTOCOL_ERROR"), true},
        Case{"Http1Request", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", GoAway(0, "PROTOCOL_ERROR"), true},
        Case{"Http1AfterPreface", kPreface + "GET / HTTP/1.1\r\n\r\n", GoAway(0, "PROTOCOL_ERROR"), true},
        Case{"NoSettings", kPreface + kRequest, GoAway(0, "PROTOCOL_ERROR"), true},
        Case{"WindowUpdateZeroConnection", WindowUpdateFrame(0, 0), GoAway(0, "PROTOCOL_ERROR")},
        Case{"WindowUpdateZeroStream", kOpenRequest + WindowUpdateFrame(1, 0), GoAway(1, "PROTOCOL_ERROR")},
        Case{"WindowOverflowConnection", WindowUpdateFrame(0, 0x7fffffff), GoAway(0, "FLOW_CONTROL_ERROR")},
        Case{"InitialWindowTooLarge", SettingsFrame({{4, 0x80000000}}), GoAway(0, "FLOW_CONTROL_ERROR")},
        Case{"MaxFrameSizeTooSmall", SettingsFrame({{5, 16'383}}), GoAway(0, "PROTOCOL_ERROR")},
        Case{"EnablePushTwo", SettingsFrame({{2, 2}}), GoAway(0, "PROTOCOL_ERROR")},
        Case{"FrameTooLarge", RawFrame(kDataFrame, 0, 1, std::string(16'385, 'x')), GoAway(0, "FRAME_SIZE_ERROR")},
        Case{"PingSize", RawFrame(kPingFrame, 0, 0, "1234567"), GoAway(0, "FRAME_SIZE_ERROR")},
        Case{"SettingsSize", RawFrame(kSettingsFrame, 0, 0, "1234567"), GoAway(0, "FRAME_SIZE_ERROR")},
        Case{"SettingsAckSize", RawFrame(kSettingsFrame, kAck, 0, "123456"), GoAway(0, "FRAME_SIZE_ERROR")},
        Case{"ResetSize", kRequest + RawFrame(kResetFrame, 0, 1, "123"), GoAway(1, "FRAME_SIZE_ERROR")},
        Case{"WindowUpdateSize", RawFrame(kWindowUpdateFrame, 0, 0, "123"), GoAway(0, "FRAME_SIZE_ERROR")},
        Case{"DataPadding", kOpenRequest + RawFrame(kDataFrame, kPadded, 1, "\x06hello"), GoAway(1, "PROTOCOL_ERROR")},
        Case{"HeadersPadding", RawFrame(kHeadersFrame, kPadded | kEndHeaders, 1, "\x06hello"),
             GoAway(0, "PROTOCOL_ERROR")},
        Case{"ContinuationAlone", kRequest + RawFrame(kContinuationFrame, kEndHeaders, 1, ""),
             GoAway(1, "PROTOCOL_ERROR")},
        Case{"FrameInsideHeaderBlock", RawFrame(kHeadersFrame, 0, 1, HpackBlock(RequestFields())) +
                                           RawFrame(kPingFrame, 0, 0, "12345678"),
             GoAway(1, "PROTOCOL_ERROR")},
        Case{"HeadersInsideHeaderBlock", RawFrame(kHeadersFrame, 0, 1, HpackBlock(RequestFields())) +
                                             HeadersFrame(3, RequestFields()),
             GoAway(1, "PROTOCOL_ERROR")},
        Case{"HpackIndexZero", Hpack("\x80"), GoAway(1, "COMPRESSION_ERROR")},
        Case{"HpackIndexTooHigh", Hpack("\xff\x20"), GoAway(1, "COMPRESSION_ERROR")},
        Case{"HpackIntegerOverflow", Hpack("\xff\xff\xff\xff\xff\xff\xff\xff\x0f"), GoAway(1, "COMPRESSION_ERROR")},
        Case{"HpackStringOverrun", Hpack(std::string("\0\x7f\x00x", 4)), GoAway(1, "COMPRESSION_ERROR")},
        Case{"HpackHuffmanEos", Hpack(std::string("\0\x84\xff\xff\xff\xff\x01x", 8)), GoAway(1, "COMPRESSION_ERROR")},
        Case{"HpackHuffmanPadding", Hpack(std::string("\0\x82\x1f\xff\x01x", 6)), GoAway(1, "COMPRESSION_ERROR")},
        Case{"HpackTableTooLarge", Hpack("\x3f\xe2\x1f"), GoAway(1, "COMPRESSION_ERROR")},
        Case{"HpackTableSizeLate", Hpack(HpackBlock(RequestFields()) + "\x20"), GoAway(1, "COMPRESSION_ERROR")},
        Case{"EvenStream", HeadersFrame(2, RequestFields()), GoAway(0, "PROTOCOL_ERROR")},
        Case{"HeadersOnStreamZero", HeadersFrame(0, RequestFields()), GoAway(0, "PROTOCOL_ERROR")},
        Case{"LowerStream", HeadersFrame(5, RequestFields()) + HeadersFrame(3, RequestFields()),
             GoAway(5, "PROTOCOL_ERROR")},
        Case{"DataOnStreamZero", DataFrame(0, "x"), GoAway(0, "PROTOCOL_ERROR")},
        Case{"DataOnIdle", DataFrame(1, "x"), GoAway(0, "PROTOCOL_ERROR")},
        Case{"DataOnSkipped", HeadersFrame(5, RequestFields()) + DataFrame(3, "x"), GoAway(5, "PROTOCOL_ERROR")},
        Case{"ResetOnIdle", ResetFrame(1, 8), GoAway(0, "PROTOCOL_ERROR")},
        Case{"WindowUpdateOnIdle", WindowUpdateFrame(1, 1), GoAway(0, "PROTOCOL_ERROR")},
        Case{"DataAfterEnd", kRequest + DataFrame(1, "x"), GoAway(1, "STREAM_CLOSED")},
        Case{"HeadersAfterEnd", kRequest + kRequest, GoAway(1, "STREAM_CLOSED")},
        Case{"DataAfterReset", kOpenRequest + ResetFrame(1, 8) + DataFrame(1, "x"), GoAway(1, "STREAM_CLOSED")},
        Case{"HeadersAfterReset", kOpenRequest + ResetFrame(1, 8) + kRequest, GoAway(1, "STREAM_CLOSED")},
        Case{"PushPromise", kOpenRequest + RawFrame(kPushPromiseFrame, kEndHeaders, 1, Number(2, 4)),
             GoAway(1, "PROTOCOL_ERROR")},
        Case{"PriorityOnStreamZero", RawFrame(kPriorityFrame, 0, 0, "12345"), GoAway(0, "PROTOCOL_ERROR")},
        Case{"UnaskedSettingsAck", SettingsFrame({}, kAck) + SettingsFrame({}, kAck), GoAway(0, "PROTOCOL_ERROR")}),
    [](const auto& info) { return info.param.name; });

TEST(HostileConnection, ErrorsOfOneStream) {
  const std::pair<std::string, std::string> cases[] = {
      {HeadersFrame(1, {{":path", "/"}}), "RST_STREAM 1 PROTOCOL_ERROR\n"},
      {WindowUpdateFrame(1, 0x7fffffff), "RST_STREAM 1 FLOW_CONTROL_ERROR\n"},
  };
  for (const auto& [bytes, answer] : cases) {
    RawSide<ServerPeer> side;
    EXPECT_EQ(side.Send(kPreface + SettingsFrame() + kOpenRequest + bytes), answer);
    EXPECT_TRUE(side.peer.requests[0]->Text().starts_with("head POST http h.test /\nreset protocol_error "))
        << side.peer.requests[0]->Text();
    EXPECT_EQ(side.peer.floods[static_cast<size_t>(Flood::kReset)], 1u);
    EXPECT_EQ(side.Send(HeadersFrame(3, RequestFields())), "");
    EXPECT_EQ(side.peer.requests.size(), 2u);
  }
}

// Late frames on a stream that we reset are no error: the peer may not know yet.
TEST(HostileConnection, LateFramesAfterOurReset) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame() + kOpenRequest);
  RecordedRequest& request = *side.peer.requests[0];
  request.stream->Reset(ResetReason::kInternalError);
  EXPECT_EQ(FramesText(side.Output()), "RST_STREAM 1 INTERNAL_ERROR\n");
  EXPECT_EQ(side.Send(DataFrame(1, "late") + HeadersFrame(1, {{"x-t", "1"}}) + ResetFrame(1, 8)), "");
  EXPECT_EQ(side.Send(HeadersFrame(3, RequestFields())), "");
  EXPECT_EQ(request.Text(), "head POST http h.test /\n");
  EXPECT_EQ(side.peer.requests.size(), 2u);
  EXPECT_EQ(side.peer.floods[static_cast<size_t>(Flood::kReset)], 0u);
}

TEST(HostileConnection, UnknownFramesSettingsAndFlagsAreIgnored) {
  RawSide<ServerPeer> side;
  EXPECT_EQ(side.Send(kPreface + SettingsFrame({{0x99, 7}, {0xfff0, 1}}) + RawFrame(0x55, 0xff, 0, "unknown") +
                      RawFrame(0xfe, 0, 77, "unknown") + RawFrame(kPingFrame, 0xfe, 0, "12345678") +
                      RawFrame(kHeadersFrame, 0xd7 & ~kPadded & ~kPriorityFlag, 1, HpackBlock(RequestFields()))),
            "");
  ASSERT_EQ(side.peer.requests.size(), 1u);
  EXPECT_EQ(side.peer.requests[0]->Text(), "head GET http h.test / end\n");
}

TEST(HostileConnection, TooManyStreams) {
  Options options;
  options.max_concurrent_streams = 2;
  RawSide<ServerPeer> side(options);
  // Before the peer has acknowledged the limit it may not know it.
  EXPECT_EQ(side.Send(kPreface + SettingsFrame() + HeadersFrame(1, RequestFields()) + HeadersFrame(3, RequestFields()) +
                      HeadersFrame(5, RequestFields(), kEndHeaders) + DataFrame(5, "x", kEndStream)),
            "RST_STREAM 5 REFUSED_STREAM\n");
  EXPECT_EQ(side.peer.requests.size(), 2u);
  // A stream that ends makes room.
  side.peer.requests[0]->stream->SendHead(side.peer.requests[0]->NewResponse(200), true);
  EXPECT_EQ(FramesText(side.Output()), "HEADERS 1 end\n");
  EXPECT_EQ(side.Send(HeadersFrame(7, RequestFields())), "");
  EXPECT_EQ(side.peer.requests.size(), 3u);
  // Then it is an error of the connection, which says which streams were not processed.
  EXPECT_EQ(side.Send(SettingsFrame({}, kAck) + HeadersFrame(9, RequestFields())), "GOAWAY 7 PROTOCOL_ERROR\n");
}

TEST(HostileConnection, PeerEndsInTheMiddle) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame() + kOpenRequest + HeadersFrame(3, RequestFields()));
  side.peer.connection.ReceiveEnd();
  EXPECT_EQ(side.peer.requests[0]->Text(), "head POST http h.test /\nreset connection_end http2.connection_end\n");
  // A client that has gone waits for no answer.
  EXPECT_EQ(side.peer.requests[1]->Text(),
            "head GET http h.test / end\nreset connection_end http2.connection_end\n");
  EXPECT_EQ(FramesText(side.Output()), "RST_STREAM 1 CANCEL\nRST_STREAM 3 CANCEL\n");
  EXPECT_EQ(side.peer.connection.ending(), Ending::kLinger);
}

TEST(HostileConnection, AbortTellsEveryStreamOnce) {
  RawSide<ServerPeer> side;
  side.Send(kPreface + SettingsFrame() + kOpenRequest + HeadersFrame(3, RequestFields()));
  side.peer.connection.Abort("gone");
  EXPECT_EQ(side.peer.requests[0]->Text(), "head POST http h.test /\nreset connection_end gone\n");
  EXPECT_EQ(side.peer.requests[1]->Text(), "head GET http h.test / end\nreset connection_end gone\n");
  side.peer.connection.Abort("again");
  EXPECT_EQ(side.peer.requests[0]->log.size(), 2u);
}

}  // namespace
}  // namespace pillion::codec::http2
