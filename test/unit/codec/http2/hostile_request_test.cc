// Requests that break the rules of RFC 9113, 8: the stream is reset, or the request is answered, and the connection
// goes on.

#include <gtest/gtest.h>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

constexpr char kReset[] = "RST_STREAM 1 PROTOCOL_ERROR\n";

struct Case {
  std::string name;
  Fields fields;
};

// The connection goes on: another request is received.
template <typename Side>
void ExpectAlive(Side& side) {
  const size_t before = side.peer.requests.size();
  EXPECT_EQ(side.Send(HeadersFrame(101, RequestFields())), "");
  ASSERT_EQ(side.peer.requests.size(), before + 1);
  EXPECT_EQ(side.peer.requests.back()->Text(), "head GET http h.test / end\n");
  EXPECT_EQ(side.peer.connection.ending(), Ending::kOpen);
}

class MalformedHead : public testing::TestWithParam<Case> {};

TEST_P(MalformedHead, IsReset) {
  for (const size_t piece : {60'000u, 1u}) {
    RawSide<ServerPeer> side;
    EXPECT_EQ(side.Send(kPreface + SettingsFrame() + HeadersFrame(1, GetParam().fields), piece), kReset);
    ASSERT_EQ(side.peer.requests.size(), 1u);
    EXPECT_TRUE(side.peer.requests[0]->Text().starts_with("reset protocol_error http2."))
        << side.peer.requests[0]->Text();
    EXPECT_EQ(side.peer.floods[static_cast<size_t>(Flood::kReset)], 1u);
    ExpectAlive(side);
  }
}

Fields Replaced(std::string_view name, std::string_view value, std::string_view method = "GET") {
  Fields fields = RequestFields({}, method);
  for (auto& field : fields) {
    if (field.first == name) field.second = value;
  }
  return fields;
}

Fields Without(std::string_view name) {
  Fields fields = RequestFields();
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}

std::vector<Case> MalformedHeads() {
  std::vector<Case> cases;
  const auto add = [&cases](std::string name, Fields fields) { cases.push_back({std::move(name), std::move(fields)}); };
  const auto field = [&add](std::string name, std::string field_name, std::string value) {
    add(std::move(name), RequestFields({{std::move(field_name), std::move(value)}}));
  };
  field("NameUpperCase", "X-Upper", "1");
  field("NameKnownUpperCase", "Accept", "1");
  field("NameSpace", "x y", "1");
  field("NameColon", "x:y", "1");
  field("NameCr", "x\ry", "1");
  field("NameLf", "x\ny", "1");
  field("NameHighByte", "x\xc3y", "1");
  field("NameNul", std::string("x\0y", 3), "1");
  field("NameEmpty", "", "1");
  field("ValueCr", "x-a", "a\rb");
  field("ValueLf", "x-a", "a\nb");
  field("ValueNul", "x-a", std::string("a\0b", 3));
  field("ValueLeadingSpace", "x-a", " a");
  field("ValueTrailingSpace", "x-a", "a ");
  field("ValueTrailingTab", "accept", "a\t");
  field("ValueKnownLf", "user-agent", "a\nx: y");
  field("Connection", "connection", "close");
  field("KeepAlive", "keep-alive", "timeout=5");
  field("ProxyConnection", "proxy-connection", "keep-alive");
  field("TransferEncoding", "transfer-encoding", "chunked");
  field("Upgrade", "upgrade", "h2c");
  field("TeGzip", "te", "gzip");
  field("TeMore", "te", "trailers, gzip");
  field("PseudoTwicePath", ":path", "/");
  field("PseudoTwiceMethod", ":method", "GET");
  field("PseudoTwiceScheme", ":scheme", "http");
  field("PseudoTwiceAuthority", ":authority", "h.test");
  field("PseudoUnknown", ":foo", "1");
  field("PseudoStatus", ":status", "200");
  field("PseudoProtocol", ":protocol", "websocket");
  add("PseudoAfterRegular", {{":method", "GET"}, {":scheme", "http"}, {"x-a", "1"}, {":path", "/"}});
  add("NoMethod", Without(":method"));
  add("NoScheme", Without(":scheme"));
  add("NoPath", Without(":path"));
  for (const std::string_view path : {"", "x", "/a b", "/ HTTP/1.1\r\nHost: x", "*", "/a#b", "/\x7f", "http://h.test/"}) {
    add("Path" + std::to_string(cases.size()), Replaced(":path", path));
  }
  add("PathNul", Replaced(":path", std::string_view("/\0", 2)));
  for (const std::string_view method : {"", "GET / HTTP/1.1\r\n", "G(T", "GET "}) {
    add("Method" + std::to_string(cases.size()), Replaced(":method", method));
  }
  for (const std::string_view authority : {"", "h\r\nx: y", "h test", "u@h.test", "h.test/x", "h:99999", "[::1", "h,i"}) {
    add("Authority" + std::to_string(cases.size()), Replaced(":authority", authority));
  }
  {
    Fields hosts = Without(":authority");
    hosts.push_back({"host", "a.test"});
    hosts.push_back({"host", "a.test"});
    add("TwoHosts", hosts);
    add("HostBesideAuthorityBad", RequestFields({{"host", "a b"}}));
  }
  field("LengthWithoutBody", "content-length", "5");
  for (const std::string_view length : {"+0", "-0", "0x0", "", "0,0", "99999999999999999999", "1 "}) {
    field("Length" + std::to_string(cases.size()), "content-length", std::string(length));
  }
  add("LengthTwice", RequestFields({{"content-length", "0"}, {"content-length", "0"}}));
  add("ConnectWithPath", RequestFields({}, "CONNECT"));
  add("ConnectWithoutAuthority", {{":method", "CONNECT"}});
  add("ExtendedConnect", {{":method", "CONNECT"},
                          {":protocol", "websocket"},
                          {":scheme", "http"},
                          {":authority", "h.test"},
                          {":path", "/"}});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(HostileRequest, MalformedHead, testing::ValuesIn(MalformedHeads()),
                         [](const auto& info) { return info.param.name; });

struct FineCase {
  std::string name;
  Fields fields;
  std::string log;
};

class FineHead : public testing::TestWithParam<FineCase> {};

TEST_P(FineHead, IsReceived) {
  RawSide<ServerPeer> side;
  EXPECT_EQ(side.Send(kPreface + SettingsFrame() + HeadersFrame(1, GetParam().fields)), "");
  ASSERT_EQ(side.peer.requests.size(), 1u);
  EXPECT_EQ(side.peer.requests[0]->Text(), GetParam().log);
}

INSTANTIATE_TEST_SUITE_P(
    HostileRequest, FineHead,
    testing::Values(
        FineCase{"TeTrailers", RequestFields({{"te", "trailers"}}), "head GET http h.test / te=trailers end\n"},
        FineCase{"AuthorityWinsOverHost", RequestFields({{"host", "other.test"}}), "head GET http h.test / end\n"},
        FineCase{"HostAlone", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "a.test:80"}},
                 "head GET http a.test:80 / end\n"},
        FineCase{"SchemeCase", {{":method", "GET"}, {":scheme", "HtTpS"}, {":authority", "h.test"}, {":path", "/"}},
                 "head GET https h.test / end\n"},
        FineCase{"OptionsStar", {{":method", "OPTIONS"}, {":scheme", "http"}, {":authority", "h.test"}, {":path", "*"}},
                 "head OPTIONS http h.test * end\n"},
        FineCase{"LengthZero", RequestFields({{"content-length", "000"}}),
                 "head GET http h.test / content-length=0 end\n"},
        FineCase{"EmptyValueAndHighBytes", RequestFields({{"x-a", ""}, {"x-b", "\xc3\xa9\ta"}}),
                 "head GET http h.test / x-a= x-b=\xc3\xa9\ta end\n"},
        FineCase{"Http2Settings", RequestFields({{"http2-settings", "AAMAAABkAAQ"}}), "head GET http h.test / end\n"}),
    [](const auto& info) { return info.param.name; });

TEST(HostileRequest, RefusedOnesAreAnswered) {
  const std::pair<Fields, std::string> cases[] = {
      {{{":method", "GET"}, {":scheme", "gopher"}, {":authority", "h"}, {":path", "/"}}, "error 400 http.invalid_scheme\n"},
      {{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, "error 400 missing_host_header\n"},
      {RequestFields({{"expect", "miracles"}}), "error 417 expectation_failed\n"},
  };
  for (const auto& [fields, log] : cases) {
    RawSide<ServerPeer> side;
    EXPECT_EQ(side.Send(kPreface + SettingsFrame() + HeadersFrame(1, fields, kEndHeaders)), "");
    ASSERT_EQ(side.peer.requests.size(), 1u);
    RecordedRequest& request = *side.peer.requests[0];
    EXPECT_EQ(request.Text(), log);
    // What follows of the request is dropped; behind the answer the stream ends.
    EXPECT_EQ(side.Send(DataFrame(1, "body")), "");
    request.stream->SendHead(request.NewResponse(400), true);
    EXPECT_EQ(FramesText(side.Output()), "HEADERS 1 end\nRST_STREAM 1 NO_ERROR\n");
    EXPECT_EQ(request.Text(), log);
    EXPECT_EQ(side.Send(DataFrame(1, "late")), "");
    ExpectAlive(side);
    EXPECT_EQ(side.peer.floods[static_cast<size_t>(Flood::kReset)], 0u);
  }
}

TEST(HostileRequest, Underscores) {
  const Fields fields = RequestFields({{"x_a", "1"}, {"x-b", "2"}});
  for (const auto& [action, log, answer] :
       {std::tuple{Underscores::kAllow, "head GET http h.test / x_a=1 x-b=2 end\n", ""},
        std::tuple{Underscores::kDropField, "head GET http h.test / x-b=2 end\n", ""},
        std::tuple{Underscores::kRejectMessage, "reset protocol_error http2.unexpected_underscore\n", kReset}}) {
    Options options;
    options.headers_with_underscores = action;
    RawSide<ServerPeer> side(options);
    EXPECT_EQ(side.Send(kPreface + SettingsFrame() + HeadersFrame(1, fields)), answer);
    EXPECT_EQ(side.peer.requests[0]->Text(), log);
  }
}

struct BodyCase {
  std::string name;
  std::string length;
  std::string frames;
  std::string log;  // after the head
  std::string answer;
};

class BodyLength : public testing::TestWithParam<BodyCase> {};

TEST_P(BodyLength, IsChecked) {
  for (const size_t piece : {60'000u, 1u}) {
    RawSide<ServerPeer> side;
    const Fields fields = RequestFields({{"content-length", GetParam().length}}, "POST");
    EXPECT_EQ(side.Send(kPreface + SettingsFrame() + HeadersFrame(1, fields, kEndHeaders) + GetParam().frames, piece),
              GetParam().answer);
    RecordedRequest& request = *side.peer.requests[0];
    std::string log = request.Text();
    if (piece == 1) {
      EXPECT_EQ(request.ended, GetParam().answer.empty()) << log;
    } else {
      EXPECT_EQ(log.substr(log.find('\n') + 1), GetParam().log);
    }
    ExpectAlive(side);
  }
}

const std::string kTrailers = HeadersFrame(1, {{"x-t", "1"}});
const std::string kMismatch = "reset protocol_error http2.content_length_mismatch\n";

INSTANTIATE_TEST_SUITE_P(
    HostileRequest, BodyLength,
    testing::Values(BodyCase{"Right", "5", DataFrame(1, "hello", kEndStream), "data 5 end\n", ""},
                    BodyCase{"RightWithTrailers", "5", DataFrame(1, "hello") + kTrailers, "data 5\ntrailers x-t=1\n", ""},
                    BodyCase{"TooShort", "5", DataFrame(1, "hel", kEndStream), kMismatch, kReset},
                    BodyCase{"TooShortTrailers", "5", DataFrame(1, "hel") + kTrailers, "data 3\n" + kMismatch, kReset},
                    BodyCase{"TooLong", "3", DataFrame(1, "hello", kEndStream), kMismatch, kReset},
                    BodyCase{"TooLongSecond", "3", DataFrame(1, "hel") + DataFrame(1, "lo", kEndStream),
                             "data 3\n" + kMismatch, kReset},
                    BodyCase{"TooLongThenMore", "3", DataFrame(1, "hello") + DataFrame(1, "x", kEndStream), kMismatch,
                             kReset},
                    BodyCase{"EmptyLastFrame", "5", DataFrame(1, "hello") + DataFrame(1, "", kEndStream),
                             "data 5\ndata 0 end\n", ""},
                    BodyCase{"Padding", "5", RawFrame(kDataFrame, kEndStream | kPadded, 1, "\4hello0000"),
                             "data 5 end\n", ""}),
    [](const auto& info) { return info.param.name; });

TEST(HostileRequest, Trailers) {
  const std::pair<std::string, std::string> cases[] = {
      {HeadersFrame(1, {{":path", "/"}}), "reset protocol_error http2.invalid_pseudo_header\n"},
      {HeadersFrame(1, {{"X-Upper", "1"}}), "reset protocol_error http2.invalid_header_field\n"},
      {HeadersFrame(1, {{"connection", "x"}}), "reset protocol_error http2.invalid_header_field\n"},
      {HeadersFrame(1, {{"x-t", "1"}}, kEndHeaders), "reset protocol_error http2.trailers_without_end\n"},
  };
  for (const auto& [frames, log] : cases) {
    RawSide<ServerPeer> side;
    EXPECT_EQ(side.Send(kPreface + SettingsFrame() + HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders) + frames),
              kReset);
    EXPECT_EQ(side.peer.requests[0]->Text(), "head POST http h.test /\n" + log);
    ExpectAlive(side);
  }
  // What trailers must not carry is dropped (RFC 9110, 6.5.1).
  RawSide<ServerPeer> side;
  const Fields trailers = {{"content-length", "5"}, {"host", "evil"},  {"authorization", "x"}, {"x-forwarded-for", "1.2.3.4"},
                           {"te", "gzip"},          {"x-sum", "1"},   {"content-type", "x"},   {"set-cookie", "a=b"}};
  EXPECT_EQ(side.Send(kPreface + SettingsFrame() + HeadersFrame(1, RequestFields({}, "POST"), kEndHeaders) +
                      HeadersFrame(1, trailers)),
            "");
  EXPECT_EQ(side.peer.requests[0]->Text(), "head POST http h.test /\ntrailers x-sum=1\n");
}

// H12 to H15: what a few bytes expand to is counted while it is decoded, and memory stays flat.
TEST(HostileRequest, HeaderBombs) {
  const std::string value(4000, 'v');
  for (const std::string_view name : {"x-bomb", "cookie", "host"}) {
    RawSide<ServerPeer> side;
    side.Send(kPreface + SettingsFrame());
    const std::string first = HpackBlock(RequestFields()) + HpackField(name, value, true);
    std::string bomb = HpackBlock(RequestFields());
    bomb.append(16'000, static_cast<char>(0x80 | 62));  // the newest entry of the dynamic table
    side.Send(RawFrame(kHeadersFrame, kEndStream | kEndHeaders, 1, first));
    for (uint32_t id = 3; id < 43; id += 2) {
      EXPECT_EQ(side.Send(RawFrame(kHeadersFrame, kEndStream | kEndHeaders, id, bomb)), "");
      RecordedRequest& request = *side.peer.requests.back();
      EXPECT_EQ(request.Text(), "error 431 http2.headers_too_large\n");
      EXPECT_LT(request.arena().bytes_taken(), 80'000u);
      request.stream->SendHead(request.NewResponse(431), true);
      EXPECT_EQ(FramesText(side.Output()), "HEADERS " + std::to_string(id) + " end\n");
    }
  }
}

TEST(HostileRequest, EmptyFieldsCountToo) {
  RawSide<ServerPeer> side;
  std::string block = HpackBlock(RequestFields()) + HpackField("cookie", "", true);
  block.append(16'000, static_cast<char>(0x80 | 62));
  EXPECT_EQ(side.Send(kPreface + SettingsFrame() + RawFrame(kHeadersFrame, kEndStream | kEndHeaders, 1, block)), "");
  EXPECT_EQ(side.peer.requests[0]->Text(), "error 431 http2.too_many_headers\n");
  EXPECT_LT(side.peer.requests[0]->arena().bytes_taken(), 10'000u);
}

// Headers just below the limit are taken, in as many frames as they need.
TEST(HostileRequest, LargeHeadersWithinTheLimit) {
  RawSide<ServerPeer> side;
  Fields fields = RequestFields();
  for (int i = 0; i < 10; ++i) fields.push_back({"x-" + std::to_string(i), std::string(5900, 'a')});
  const std::string block = HpackBlock(fields);
  std::string frames = RawFrame(kHeadersFrame, kEndStream, 1, block.substr(0, 16'384));
  for (size_t at = 16'384; at < block.size(); at += 16'384) {
    const bool last = at + 16'384 >= block.size();
    frames += RawFrame(kContinuationFrame, last ? kEndHeaders : 0, 1, std::string_view(block).substr(at, 16'384));
  }
  EXPECT_EQ(side.Send(kPreface + SettingsFrame() + frames), "");
  ASSERT_EQ(side.peer.requests.size(), 1u);
  EXPECT_EQ(side.peer.requests[0]->head->headers.size(), 10u);
}

}  // namespace
}  // namespace pillion::codec::http2
