// Upstreams that break the rules: what the client codec makes of their answers.

#include <gtest/gtest.h>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

struct Exchange {
  explicit Exchange(std::string_view method = "GET", const Options& options = {}) : side(options) {
    call = side.peer.NewCall(method, "/");
    call.response->stream->SendHead(*call.head, true);
    side.Output();
    side.Send(SettingsFrame());
  }

  RawSide<ClientPeer> side;
  ClientPeer::Call call;
};

struct Case {
  std::string name;
  std::string method;
  std::string frames;
  std::string log;
  std::string answer;
};

class Answer : public testing::TestWithParam<Case> {};

TEST_P(Answer, Outcome) {
  for (const size_t piece : {60'000u, 1u}) {
    Exchange exchange(GetParam().method);
    EXPECT_EQ(exchange.side.Send(GetParam().frames, piece), GetParam().answer);
    if (piece > 1) {
      EXPECT_EQ(exchange.call.response->Text(), GetParam().log);
    }
    EXPECT_EQ(exchange.side.peer.connection.active_streams(), 0u);
    EXPECT_EQ(exchange.side.peer.streams_ended, 1);
    EXPECT_TRUE(exchange.side.peer.connection.reusable());
  }
}

constexpr char kReset[] = "RST_STREAM 1 PROTOCOL_ERROR\n";
constexpr uint8_t kOpen = kEndHeaders;
constexpr uint8_t kEnd = kEndHeaders | kEndStream;
const std::string kOk = HeadersFrame(1, {{":status", "200"}}, kOpen);

std::string Broken(std::string_view detail) { return "reset protocol_error " + std::string(detail) + "\n"; }

INSTANTIATE_TEST_SUITE_P(
    HostileResponse, Answer,
    testing::Values(
        Case{"Fine", "GET", kOk + DataFrame(1, "hello", kEndStream), "head 200\ndata 5 end\n", ""},
        Case{"NoStatus", "GET", HeadersFrame(1, {{"x-a", "1"}}), Broken("http2.invalid_pseudo_header"), kReset},
        Case{"StatusTwice", "GET", HeadersFrame(1, {{":status", "200"}, {":status", "200"}}),
             Broken("http2.invalid_pseudo_header"), kReset},
        Case{"Status099", "GET", HeadersFrame(1, {{":status", "099"}}), Broken("http2.invalid_status"), kReset},
        Case{"Status1000", "GET", HeadersFrame(1, {{":status", "1000"}}), Broken("http2.invalid_status"), kReset},
        Case{"Status600", "GET", HeadersFrame(1, {{":status", "600"}}), Broken("http2.invalid_status"), kReset},
        Case{"StatusText", "GET", HeadersFrame(1, {{":status", "abc"}}), Broken("http2.invalid_status"), kReset},
        Case{"RequestPseudo", "GET", HeadersFrame(1, {{":status", "200"}, {":path", "/"}}),
             Broken("http2.invalid_pseudo_header"), kReset},
        Case{"ValueWithLf", "GET", HeadersFrame(1, {{":status", "200"}, {"x-a", "a\nSet-Cookie: x"}}),
             Broken("http2.invalid_header_field"), kReset},
        Case{"Connection", "GET", HeadersFrame(1, {{":status", "200"}, {"connection", "close"}}),
             Broken("http2.invalid_header_field"), kReset},
        Case{"SwitchingProtocols", "GET", HeadersFrame(1, {{":status", "101"}}, kOpen),
             Broken("http2.invalid_informational"), kReset},
        Case{"InformationalWithEnd", "GET", HeadersFrame(1, {{":status", "103"}}, kEnd),
             Broken("http2.invalid_informational"), kReset},
        Case{"SecondHead", "GET", kOk + kOk, "head 200\n" + Broken("http2.invalid_pseudo_header"), kReset},
        Case{"DataAfterInformational", "GET", HeadersFrame(1, {{":status", "103"}}, kOpen) + DataFrame(1, "x"),
             "informational 103\n" + Broken("http2.unexpected_data"), kReset},
        Case{"EndAfterInformational", "GET", HeadersFrame(1, {{":status", "103"}}, kOpen) + DataFrame(1, "", kEndStream),
             "informational 103\n" + Broken("http2.end_without_head"), kReset},
        Case{"DataForHead", "HEAD", HeadersFrame(1, {{":status", "200"}, {"content-length", "5"}}, kOpen) +
                                        DataFrame(1, "hello", kEndStream),
             "head 200 content-length=5\n" + Broken("http2.unexpected_data"), kReset},
        Case{"EndForHead", "HEAD", HeadersFrame(1, {{":status", "200"}, {"content-length", "5"}}, kOpen) +
                                       DataFrame(1, "", kEndStream),
             "head 200 content-length=5\ndata 0 end\n", ""},
        Case{"HeadWithLength", "HEAD", HeadersFrame(1, {{":status", "200"}, {"content-length", "5"}}, kEnd),
             "head 200 content-length=5 end\n", ""},
        Case{"NotModifiedWithLength", "GET", HeadersFrame(1, {{":status", "304"}, {"content-length", "5"}}, kEnd),
             "head 304 content-length=5 end\n", ""},
        Case{"DataFor204", "GET", HeadersFrame(1, {{":status", "204"}}, kOpen) + DataFrame(1, "x", kEndStream),
             "head 204\n" + Broken("http2.unexpected_data"), kReset},
        Case{"LengthWithoutBody", "GET", HeadersFrame(1, {{":status", "200"}, {"content-length", "5"}}, kEnd),
             Broken("http2.invalid_content_length"), kReset},
        Case{"TwoLengths", "GET",
             HeadersFrame(1, {{":status", "200"}, {"content-length", "5"}, {"content-length", "5"}}, kOpen),
             Broken("http2.invalid_content_length"), kReset},
        Case{"ShortBody", "GET", HeadersFrame(1, {{":status", "200"}, {"content-length", "5"}}, kOpen) +
                                     DataFrame(1, "hel", kEndStream),
             "head 200 content-length=5\n" + Broken("http2.content_length_mismatch"), kReset},
        Case{"LongBody", "GET", HeadersFrame(1, {{":status", "200"}, {"content-length", "3"}}, kOpen) +
                                    DataFrame(1, "hel") + DataFrame(1, "lo", kEndStream),
             "head 200 content-length=3\ndata 3\n" + Broken("http2.content_length_mismatch"), kReset},
        Case{"TrailersWithoutEnd", "GET", kOk + DataFrame(1, "x") + HeadersFrame(1, {{"grpc-status", "0"}}, kOpen),
             "head 200\ndata 1\n" + Broken("http2.trailers_without_end"), kReset},
        Case{"ResetAfterHead", "GET", kOk + ResetFrame(1, 2), "head 200\nreset peer_reset http2.remote_reset\n", ""},
        Case{"Refused", "GET", ResetFrame(1, 7), "reset refused http2.remote_refuse\n", ""}),
    [](const auto& info) { return info.param.name; });

TEST(HostileResponse, LargeHeadersAreAnError) {
  Exchange exchange;
  std::string block = HpackField(":status", "200") + HpackField("x-a", std::string(4000, 'a'), true);
  block.append(16'000 - block.size(), static_cast<char>(0x80 | 62));
  EXPECT_EQ(exchange.side.Send(RawFrame(kHeadersFrame, kEnd, 1, block)), kReset);
  EXPECT_EQ(exchange.call.response->Text(), Broken("http2.headers_too_large"));
  EXPECT_LT(exchange.call.response->arena().bytes_taken(), 80'000u);
}

TEST(HostileResponse, EndlessInformationalHeads) {
  Exchange exchange;
  std::string answer;
  int heads = 0;
  for (; heads < 10'000 && answer.empty(); ++heads) {
    answer = exchange.side.Send(HeadersFrame(1, {{":status", "103"}}, kOpen));
  }
  EXPECT_EQ(answer, kReset);
  EXPECT_EQ(heads, 33);
  EXPECT_EQ(exchange.side.peer.floods[static_cast<size_t>(Flood::kInformational)], 1u);
}

TEST(HostileResponse, AnswersOnStreamsThatAreOver) {
  Exchange exchange;
  exchange.call.response->stream->Reset(ResetReason::kCancel);
  EXPECT_EQ(FramesText(exchange.side.Output()), "RST_STREAM 1 CANCEL\n");
  EXPECT_EQ(exchange.side.Send(kOk + DataFrame(1, "late", kEndStream)), "");
  EXPECT_EQ(exchange.call.response->Text(), "");
  EXPECT_TRUE(exchange.side.peer.connection.reusable());
}

TEST(HostileResponse, ConnectionErrors) {
  const std::pair<std::string, std::string> cases[] = {
      {DataFrame(1, "before the head"), "GOAWAY 0 PROTOCOL_ERROR\n"},
      {HeadersFrame(3, {{":status", "200"}}), "GOAWAY 0 PROTOCOL_ERROR\n"},
      {HeadersFrame(2, {{":status", "200"}}), "GOAWAY 0 PROTOCOL_ERROR\n"},
      {RawFrame(kPushPromiseFrame, kEndHeaders, 1, Number(2, 4) + HpackBlock(RequestFields())),
       "GOAWAY 0 PROTOCOL_ERROR\n"},
      {RawFrame(kHeadersFrame, kEnd, 1, "\x80"), "GOAWAY 0 COMPRESSION_ERROR\n"},
      {kOk + RawFrame(kDataFrame, 0, 1, std::string(16'385, 'x')), "GOAWAY 0 FRAME_SIZE_ERROR\n"},
  };
  for (const auto& [bytes, answer] : cases) {
    Exchange exchange;
    EXPECT_EQ(exchange.side.Send(SettingsFrame({}, kAck) + bytes), answer);
    EXPECT_TRUE(exchange.call.response->reset);
    EXPECT_FALSE(exchange.side.peer.error.empty());
    EXPECT_FALSE(exchange.side.peer.connection.reusable());
    EXPECT_EQ(exchange.side.peer.connection.capacity(), 0u);
    EXPECT_EQ(exchange.side.peer.connection.ending(), Ending::kClose);
  }
}

TEST(HostileResponse, NotHttp2AtAll) {
  RawSide<ClientPeer> side;
  auto call = side.peer.NewCall("GET", "/");
  call.response->stream->SendHead(*call.head, true);
  side.Output();
  side.Send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(call.response->reset);
  EXPECT_EQ(side.peer.connection.ending(), Ending::kClose);
}

// More data than was granted.
TEST(HostileResponse, WindowOverrun) {
  Options options;
  options.initial_stream_window = 20'000;
  Exchange exchange("GET", options);
  exchange.call.response->stream->PauseReading();
  const std::string data(10'000, 'x');
  const std::string answer = exchange.side.Send(SettingsFrame({}, kAck) + kOk + DataFrame(1, data) + DataFrame(1, data) +
                                                DataFrame(1, data));
  EXPECT_EQ(answer, "RST_STREAM 1 FLOW_CONTROL_ERROR\n");
  EXPECT_TRUE(exchange.call.response->reset);
}

}  // namespace
}  // namespace pillion::codec::http2
