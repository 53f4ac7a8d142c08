#include "source/telemetry/log_format.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "source/base/arena.h"

namespace pillion::telemetry {
namespace {

class LogFormatTest : public ::testing::Test {
 protected:
  LogFormatTest() {
    request_.method = "GET";
    request_.scheme = "http";
    request_.authority = "example.com:8080";
    request_.path = "/a/b?x=1&empty=&y=2";
    request_.headers.Add("user-agent", "curl/8");
    request_.headers.Add("x-custom", "first");
    request_.headers.Add("x-custom", "second");
    response_.status = 503;
    response_.headers.Add("x-envoy-upstream-service-time", "7");
    trailers_.Add("grpc-status", "14");
    record_.request = &request_;
    record_.response = &response_;
    record_.protocol = http::Version::kHttp11;
    record_.response_code = 503;
    record_.response_flags = ResponseFlag::kUpstreamConnectionFailure;
    record_.response_code_details = "via_upstream";
    record_.bytes_received = 5;
    record_.bytes_sent = 19;
    record_.start_time = base::WallTime(std::chrono::milliseconds(1795224627387));
    record_.end_time = record_.start_time + std::chrono::milliseconds(12);
    Reach(TimePoint::kDownstreamRxBegin, 0);
    Reach(TimePoint::kUpstreamTxEnd, 1);
    Reach(TimePoint::kUpstreamRxBegin, 9);
    Reach(TimePoint::kDownstreamTxEnd, 11);
    Reach(TimePoint::kEnd, 12);
    record_.downstream_remote_address = "[2001:db8::1]:4711";
    record_.downstream_local_address = "/run/pillion.sock";
    record_.upstream_remote_address = "192.0.2.1:80";
    record_.upstream_host_address = "192.0.2.3:80";
    record_.upstream_cluster = "be";
    record_.upstream_attempts = 2;
    record_.connection_id = 31;
  }

  void Reach(TimePoint point, int milliseconds) {
    record_.at(point) = base::MonotonicTime(std::chrono::seconds(100) + std::chrono::milliseconds(milliseconds));
  }

  static std::vector<std::string> Errors(const LogSettings& config) {
    std::vector<std::string> errors;
    const bool refused = LogFormat::Compile(config, errors) == nullptr;
    EXPECT_EQ(refused, !errors.empty());
    return errors;
  }

  std::string Write(const LogSettings& config) {
    std::vector<std::string> errors;
    const std::unique_ptr<const LogFormat> format = LogFormat::Compile(config, errors);
    if (format == nullptr) return "error: " + errors.at(0);
    std::string out;
    std::string scratch;
    format->Append(record_, out, scratch);
    return out;
  }
  std::string Text(std::string format, bool omit = false) {
    return Write({StdoutLogSink(), TextLogFormat{std::move(format)}, omit});
  }
  std::string Json(JsonFormat::Object object, bool omit = false) {
    return Write({StdoutLogSink(), JsonLogFormat{{std::move(object)}}, omit});
  }

  base::BlockPool pool_;
  base::Arena arena_{pool_};
  http::RequestHead request_{arena_};
  http::ResponseHead response_{arena_};
  http::HeaderMap trailers_{arena_};
  RequestRecord record_;
};

TEST_F(LogFormatTest, DefaultLine) {
  EXPECT_EQ(
      Write({}),
      "[2026-11-21T01:30:27.387Z] \"GET /a/b?x=1&empty=&y=2 HTTP/1.1\" 503 UF 5 19 12 7 \"-\" \"curl/8\" \"-\" "
      "\"example.com:8080\" \"192.0.2.3:80\"\n");
}

TEST_F(LogFormatTest, DefaultLineWithNothingKnown) {
  record_ = RequestRecord();
  EXPECT_EQ(Write({}), "[1970-01-01T00:00:00.000Z] \"- - -\" 0 - 0 0 - - \"-\" \"-\" \"-\" \"-\" \"-\"\n");
}

TEST_F(LogFormatTest, HeadersFallBackAndAreCut) {
  EXPECT_EQ(Text("%REQ(X-CUSTOM)% %REQ(None?X-Custom):3% %REQ(none?also-none)%"), "first fir -");
  EXPECT_EQ(Text("%REQUEST_HEADER(:path):4% %REQ(Host)% %REQ(:SCHEME)% %REQ(:other)%"),
            "/a/b example.com:8080 http -");
  EXPECT_EQ(Text("%RESP(:STATUS)% %RESPONSE_HEADER(none?X-Envoy-Upstream-Service-Time)%"), "503 7");
  EXPECT_EQ(Text("%TRAILER(grpc-status)%"), "-");
  record_.response_trailers = &trailers_;
  EXPECT_EQ(Text("%TRAILER(grpc-status)% %RESPONSE_TRAILER(a?grpc-status)% %TRAILER(a)%"), "14 14 -");
}

TEST_F(LogFormatTest, Durations) {
  EXPECT_EQ(Text("%DURATION% %REQUEST_DURATION% %REQUEST_TX_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%"),
            "12 - 1 9 2");
  EXPECT_EQ(Text("%COMMON_DURATION(US_TX_END:US_RX_BEG:us)% %COMMON_DURATION(DS_RX_BEG:DS_RX_END:ms)%"), "8000 -");
  EXPECT_EQ(Text("%EMIT_TIME(%s.%3f)%"), "1795224627.399");
}

TEST_F(LogFormatTest, DurationsOfConnections) {
  Reach(TimePoint::kDownstreamConnectBegin, 0);
  Reach(TimePoint::kDownstreamHandshakeEnd, 4);
  Reach(TimePoint::kDownstreamConnectionEnd, 30);
  Reach(TimePoint::kUpstreamRxBodyBegin, 10);
  Reach(TimePoint::kUpstreamConnectBegin, -20);
  EXPECT_EQ(Text("%DOWNSTREAM_HANDSHAKE_DURATION% %COMMON_DURATION(DS_CX_BEG:DS_CX_END)% %COMMON_DURATION(US_RX_BEG:US_RX_BODY_BEG:us)%"),
            "4 30 1000");
  // The connection was there before the request.
  EXPECT_EQ(Text("%COMMON_DURATION(DS_RX_BEG:US_CX_BEG:ms)% %COMMON_DURATION(US_CX_BEG:DS_RX_BEG:ms)%"), "- 20");
}

TEST_F(LogFormatTest, Bytes) {
  record_.downstream_wire_bytes_received = 1;
  record_.downstream_wire_bytes_sent = 2;
  record_.downstream_header_bytes_received = 3;
  record_.downstream_header_bytes_sent = 4;
  record_.downstream_decompressed_header_bytes_received = 5;
  record_.downstream_decompressed_header_bytes_sent = 6;
  record_.upstream_wire_bytes_received = 11;
  record_.upstream_wire_bytes_sent = 12;
  record_.upstream_header_bytes_received = 13;
  record_.upstream_header_bytes_sent = 14;
  record_.upstream_decompressed_header_bytes_received = 15;
  record_.upstream_decompressed_header_bytes_sent = 16;
  for (const auto& [side, expected] : {std::pair{"DOWNSTREAM", "1 2 3 4 5 6"}, std::pair{"UPSTREAM", "11 12 13 14 15 16"}}) {
    std::string format;
    for (const char* what : {"WIRE", "HEADER", "DECOMPRESSED_HEADER"}) {
      for (const char* direction : {"RECEIVED", "SENT"}) {
        const std::string bytes = std::string(what) == "WIRE" ? "WIRE_BYTES" : std::string(what) + "_BYTES";
        format += std::string(format.empty() ? "" : " ") + "%" + side + "_" + bytes + "_" + direction + "%";
      }
    }
    EXPECT_EQ(Text(format), expected);
  }
}

TEST_F(LogFormatTest, HowConnectionsEnded) {
  constexpr char kFormat[] =
      "%DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON% %UPSTREAM_DETECTED_CLOSE_TYPE% %UPSTREAM_LOCAL_CLOSE_REASON%";
  EXPECT_EQ(Text(kFormat), "Normal - - -");
  record_.downstream_close_type = "RemoteReset";
  record_.downstream_local_close_reason = "a";
  record_.upstream_close_type = "LocalReset";
  record_.upstream_local_close_reason = "b";
  EXPECT_EQ(Text(kFormat), "RemoteReset a LocalReset b");
}

TEST_F(LogFormatTest, ServerName) {
  constexpr char kFormat[] =
      "%REQUESTED_SERVER_NAME% %REQUESTED_SERVER_NAME(SNI_FIRST)% %REQUESTED_SERVER_NAME(HOST_FIRST:HOST)% "
      "%REQUESTED_SERVER_NAME(HOST_FIRST)% %REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)%";
  EXPECT_EQ(Text(kFormat), "- example.com:8080 example.com:8080 example.com:8080 -");
  record_.requested_server_name = "sni";
  EXPECT_EQ(Text(kFormat), "sni sni example.com:8080 example.com:8080 sni");
  request_.headers.Add("x-envoy-original-host", "before");
  EXPECT_EQ(Text(kFormat), "sni sni example.com:8080 before before");
  record_.request = nullptr;
  EXPECT_EQ(Text(kFormat), "sni sni sni sni sni");
}

TEST_F(LogFormatTest, DetailsAreOneWord) {
  record_.response_code_details = "upstream reset: no reason";
  EXPECT_EQ(Text("%RESPONSE_CODE_DETAILS% %RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%"),
            "upstream_reset:_no_reason upstream reset: no reason");
}

TEST_F(LogFormatTest, TheFirstThatHasAValue) {
  EXPECT_EQ(Text(R"(%COALESCE({"operators": [{"command": "REQ", "param": "none"}, "REQUESTED_SERVER_NAME",)"
                 R"( {"command": "REQ", "param": "x-custom", "max_length": 3}, "PROTOCOL"]})%)"),
            "fir");
  EXPECT_EQ(Text(R"(%COALESCE({"operators": ["TRACE_ID", {"command": "CEL", "param": "request.path.contains(')') ? 'a' : 'b'"}]})%)"), "b");
  EXPECT_EQ(Text(R"(%COALESCE({"operators": ["TRACE_ID"]})% %COALESCE({"operators": ["PROTOCOL"]}):4%)"), "- HTTP");
  EXPECT_EQ(Text(R"(%COALESCE({"operators": [{"command": "COALESCE", "param": "{\"operators\": [\"RESPONSE_CODE\"]}"}]})%)"), "503");
  EXPECT_EQ(Json({{"a", {R"(%COALESCE({"operators": ["RESPONSE_CODE"]})%)"}}}), "{\"a\":503}\n");
}

TEST_F(LogFormatTest, Addresses) {
  EXPECT_EQ(Text("%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%"),
            "[2001:db8::1]:4711 2001:db8::1 4711");
  EXPECT_EQ(Text("%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%"), "/run/pillion.sock -");
  EXPECT_EQ(Text("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT% %UPSTREAM_LOCAL_ADDRESS%"),
            "192.0.2.1 80 -");
}

TEST_F(LogFormatTest, PathAndQuery) {
  EXPECT_EQ(Text("%PATH% %PATH(NQ)% %PATH(NQ:ORIG)%"), "/a/b?x=1&empty=&y=2 /a/b -");
  request_.headers.Add("x-envoy-original-path", "/before?q");
  EXPECT_EQ(Text("%PATH% %PATH(NQ:ORIG)% %PATH(NQ:PATH)%"), "/before?q /before /a/b");
  EXPECT_EQ(Text("%QUERY_PARAM(x)% %QUERY_PARAM(y)% %QUERY_PARAM(z)% [%QUERY_PARAM(empty)%]"), "1 2 - []");
}

TEST_F(LogFormatTest, Expressions) {
  EXPECT_EQ(Text("%CEL(request.method + ' ' + request.headers['x-custom'])% %CEL(response.code >= 500)%"), "GET first,second true");
  EXPECT_EQ(Text("%CEL((response.code + 1) * 2)% %CEL(request.host):7% %CEL(request.path.contains(')') ? 'a' : 'b')%"),
            "1008 example b");
  EXPECT_EQ(Text("%CEL(request.headers['x-none'])% %CEL(1 / response.size)%|%CEL(duration('90s'))%"), "- 0|90s");
  EXPECT_EQ(Text("%CEL(request.headers['x-none'])%|", /*omit=*/true), "|");
  EXPECT_EQ(Text("%CEL([response.code, 'a\"b'])% %TYPED_CEL({'a': 1.5})% %TYPED_CEL(request.method)%"), R"([503,\"a\\\"b\"] {"a":1.5} GET)");
  EXPECT_EQ(Json({{"a", {"%CEL(response.code)%"}},
                  {"b", {"%TYPED_CEL(response.code)%"}},
                  {"c", {"%TYPED_CEL(response.code == 503)%"}},
                  {"d", {"%TYPED_CEL(request.method)%"}},
                  {"e", {"%TYPED_CEL([1, 2u, null])%"}},
                  {"f", {"%TYPED_CEL(request.headers['x-none'])%"}},
                  {"g", {"at %TYPED_CEL(upstream.port)%"}}}),
            R"({"a":"503","b":503,"c":true,"d":"GET","e":[1,2,null],"f":null,"g":"at 80"})"
            "\n");
  EXPECT_EQ(Text("%CEL(request.pth)%"),
            "error: text_format: byte 0: %CEL(request.pth)%: column 9: there is no request.pth, did you mean request.path");
  EXPECT_EQ(Text("%CEL%"), "error: text_format: byte 0: %CEL()%: column 1: found the end, expected an expression");
  EXPECT_EQ(Text("%CEL(request.method%").substr(0, 36), "error: text_format: byte 0: expected");
}

TEST_F(LogFormatTest, GrpcStatus) {
  record_.response_trailers = &trailers_;
  EXPECT_EQ(Text("%GRPC_STATUS%"), "-");  // not a gRPC request
  request_.headers.Add("content-type", "application/grpc");
  EXPECT_EQ(Text("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%"),
            "Unavailable UNAVAILABLE 14 14");
  record_.response_trailers = nullptr;
  response_.headers.Add("grpc-status", "99");
  EXPECT_EQ(Text("%GRPC_STATUS%"), "99");
}

TEST_F(LogFormatTest, OthersAndLiterals) {
  setenv("PILLION_LOG_FORMAT_TEST", "value", 1);
  EXPECT_EQ(Text("100%% %ENVIRONMENT(PILLION_LOG_FORMAT_TEST)% %RESPONSE_FLAGS_LONG% %UPSTREAM_CLUSTER% "
                 "%UPSTREAM_REQUEST_ATTEMPT_COUNT% %CONNECTION_ID% %RESPONSE_CODE_DETAILS:3%"),
            "100% value UpstreamConnectionFailure be 2 31 via");
  EXPECT_EQ(Text("[%ROUTE_NAME%]", /*omit=*/true), "[]");
  EXPECT_EQ(Text("no newline is added"), "no newline is added");
}

// Peers choose these bytes; they end neither a line nor a field, and reach no terminal.
TEST_F(LogFormatTest, WhatPeersSendIsEscaped) {
  request_.headers.Add("x-evil", "a\" 200 \r\n\x1b[2J\\\x80");
  EXPECT_EQ(Text("\"%REQ(X-EVIL)%\"\n"), "\"a\\\" 200 \\r\\n\\x1b[2J\\\\\\x80\"\n");
  EXPECT_EQ(Json({{"evil", {"%REQ(X-EVIL)%"}}, {"mixed", {"<%REQ(X-EVIL)%>"}}}),
            "{\"evil\":\"a\\\" 200 \\r\\n\\u001b[2J\\\\\\ufffd\","
            "\"mixed\":\"\\u003ca\\\" 200 \\r\\n\\u001b[2J\\\\\\ufffd\\u003e\"}\n");
}

TEST_F(LogFormatTest, JsonKeepsTypes) {
  EXPECT_EQ(Json({{"code", {"%RESPONSE_CODE%"}},
                  {"fixed", {JsonFormat::List{{true}, {1.5}, {nullptr}, {"%ROUTE_NAME%"}}}},
                  {"inner", {JsonFormat::Object{{"flags", {"%RESPONSE_FLAGS%"}}, {"route", {"%ROUTE_NAME%"}}}}},
                  {"mixed", {"%RESPONSE_CODE%/%ROUTE_NAME%"}},
                  {"text", {"plain"}}}),
            "{\"code\":503,\"fixed\":[true,1.5,null,null],\"inner\":{\"flags\":\"UF\",\"route\":null},"
            "\"mixed\":\"503/-\",\"text\":\"plain\"}\n");
}

TEST_F(LogFormatTest, JsonOmitsEmptyMembers) {
  EXPECT_EQ(Json({{"a", {"%ROUTE_NAME%"}},
                  {"b", {"%RESPONSE_CODE%"}},
                  {"c", {"%ROUTE_NAME%"}},
                  {"d", {JsonFormat::Object{{"e", {"%ROUTE_NAME%"}}}}},
                  {"f", {JsonFormat::List{{"%ROUTE_NAME%"}}}}},
                 /*omit=*/true),
            "{\"b\":503,\"d\":{},\"f\":[null]}\n");
}

TEST_F(LogFormatTest, HostsThatWereTried) {
  EXPECT_EQ(Text("%UPSTREAM_HOSTS_ATTEMPTED% %UPSTREAM_CONNECTION_IDS_ATTEMPTED%"), "- -");
  const AttemptedHost first{"192.0.2.1:80", "one", 7, nullptr};
  const AttemptedHost second{"[2001:db8::1]:80", "", 0, &first};
  const AttemptedHost third{"192.0.2.3:80", "three", 9, &second};
  const AttemptedHost fourth{"192.0.2.1:80", "one", 10, &third};
  record_.attempted_hosts = &fourth;
  EXPECT_EQ(Text("%UPSTREAM_HOSTS_ATTEMPTED%"), "192.0.2.1:80,192.0.2.3:80");
  EXPECT_EQ(Text("%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%"), "192.0.2.1,192.0.2.3");
  EXPECT_EQ(Text("%UPSTREAM_HOST_NAMES_ATTEMPTED% %UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT%"), "one,three one,three");
  const AttemptedHost named{"192.0.2.1:80", "one.test:80", 7, nullptr};
  record_.attempted_hosts = &named;
  record_.upstream_host_name = "one.test:80";
  EXPECT_EQ(Text("%UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT% %UPSTREAM_HOST_NAME_WITHOUT_PORT%"), "one.test one.test");
  EXPECT_EQ(Text("%UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID%"), "-");
  record_.attempted_hosts = &fourth;
  EXPECT_EQ(Text("%UPSTREAM_CONNECTION_IDS_ATTEMPTED%"), "7,9,10");
}

TEST_F(LogFormatTest, PartsOfAddresses) {
  EXPECT_EQ(Text("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(31)%"), "2001:db8::/31");
  EXPECT_EQ(Text("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(23)%"), "192.0.2.0/23");
  EXPECT_EQ(Text("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(64)%"), "192.0.2.1/32");
  EXPECT_EQ(Text("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"), "192.0.2.1");
  EXPECT_EQ(Text("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(x)%"),
            "error: text_format: byte 0: %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(x)%: expected the number of bits shown");
}

TEST_F(LogFormatTest, OfRequests) {
  request_.path = "/a/b?x=%41%zz&y=2";
  EXPECT_EQ(Text("%REQ_WITHOUT_QUERY(:PATH)% %REQ_WITHOUT_QUERY(x-none?user-agent)% %REQ_WITHOUT_QUERY(x-none)%"),
            "/a/b curl/8 -");
  EXPECT_EQ(Text("%QUERY_PARAM(x)% %QUERY_PARAM(none)%"), "A%zz -");
  EXPECT_EQ(Text("%TRACE_ID% %SPAN_ID% %CUSTOM_FLAGS% %VIRTUAL_CLUSTER_NAME%"), "- - - -");
  record_.virtual_cluster_name = "one";
  EXPECT_EQ(Text("%VIRTUAL_CLUSTER_NAME%"), "one");
  const std::string id = Text("%UNIQUE_ID%");
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(Text("%UNIQUE_ID%"), id);
  record_.type = LogType::kTcpPeriodic;
  EXPECT_EQ(Text("%ACCESS_LOG_TYPE%"), "TcpPeriodic");
}

TEST_F(LogFormatTest, GrpcStatusOfAnAnswerThatHasNone) {
  EXPECT_EQ(Text("%GRPC_STATUS_NUMBER%"), "-");
  request_.headers.Add("content-type", "application/grpc");
  record_.response_code = 404;
  EXPECT_EQ(Text("%GRPC_STATUS_NUMBER% %GRPC_STATUS%"), "12 Unimplemented");
  record_.response_code = 0;
  EXPECT_EQ(Text("%GRPC_STATUS_NUMBER%"), "-");
}

TEST(CheckLogFormat, SaysEverythingThatIsWrong) {
  EXPECT_TRUE(CheckLogFormat(kDefaultLogFormat).ok());
  EXPECT_EQ(CheckLogFormat("%FOO% %BAR%").message(),
            "byte 0: unknown operator %FOO%; byte 6: unknown operator %BAR%");
}

TEST_F(LogFormatTest, ErrorsNameTheirPlace) {
  const auto errors = [](std::string format) {
    return Errors({StdoutLogSink(), TextLogFormat{std::move(format)}});
  };
  EXPECT_EQ(errors("a %FOO% b %DURATION(1)% c %REQ% %PATH(X)%"),
            (std::vector<std::string>{"text_format: byte 2: unknown operator %FOO%",
                                      "text_format: byte 10: %DURATION% takes no argument",
                                      "text_format: byte 26: %REQ()%: expected a header's name",
                                      "text_format: byte 32: %PATH(X)%: expected WQ or NQ, then :ORIG, :PATH or "
                                      ":ORIG_OR_PATH"}));
  EXPECT_EQ(errors("%DOWNSTREAM_PEER_COLOUR%").at(0),
            "text_format: byte 0: operator %DOWNSTREAM_PEER_COLOUR% is not supported");
  EXPECT_NE(errors("%COALESCE%").at(0).find("expected {\"operators\": [...]}"), std::string::npos);
  EXPECT_NE(errors("%COALESCE({\"operators\": []})%").at(0).find("with at least one"), std::string::npos);
  EXPECT_EQ(errors("%COALESCE({\"operators\": [\"PROTOCOL\", \"FOO\"]})%").at(0),
            "text_format: byte 0: %COALESCE({\"operators\": [\"PROTOCOL\", \"FOO\"]})%: operators[1]: unknown operator %FOO%");
  EXPECT_NE(errors("%COALESCE({\"operators\": [{\"command\": \"REQ\", \"max_length\": 0}]})%").at(0).find("above 0"), std::string::npos);
  EXPECT_NE(errors("%COALESCE({\"operators\": [{\"comand\": \"REQ\"}]})%").at(0).find("\"comand\": expected"), std::string::npos);
  EXPECT_NE(errors("%REQUESTED_SERVER_NAME(SNI)%").at(0).find("expected SNI_ONLY"), std::string::npos);
  EXPECT_NE(errors("%RESPONSE_CODE_DETAILS(X)%").at(0).find("expected ALLOW_WHITESPACES"), std::string::npos);
  EXPECT_EQ(errors("%REQ(a b)%").at(0), "text_format: byte 0: %REQ(a b)%: expected a header's name");
  EXPECT_NE(errors("%START_TIME(%Q)%").at(0).find("\"%Q\" is not known"), std::string::npos);
  EXPECT_NE(errors("%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:s)%").at(0).find("expected from:to:unit"),
            std::string::npos);
  for (const char* broken : {"%", "50% off", "%REQ(x%", "%REQ(x):%", "%REQ(x):a%", "%req(x)%", "%DURATION"}) {
    EXPECT_EQ(errors(broken).size(), 1u) << broken;
  }
  JsonFormat::Object object{{"a", {JsonFormat::Object{{"b", {JsonFormat::List{{"%FOO%"}}}}}}}, {"c", {"%BAR%"}}};
  EXPECT_EQ(Errors({StdoutLogSink(), JsonLogFormat{{std::move(object)}}}),
            (std::vector<std::string>{"json_format.a.b[0]: byte 0: unknown operator %FOO%",
                                      "json_format.c: byte 0: unknown operator %BAR%"}));
}

TEST_F(LogFormatTest, MetadataOfTheConfiguration) {
  const metadata::Member keys[] = {{"k", metadata::Value::Text("of route")}, {"n", metadata::Value::Number(3)}};
  const metadata::Member spaces[] = {{"a", {.kind = metadata::Value::Kind::kObject, .size = 2, .members = keys}}};
  const metadata::Value all{.kind = metadata::Value::Kind::kObject, .size = 1, .members = spaces};
  for (const auto& [name, where] : std::initializer_list<std::pair<std::string, const metadata::Value* RequestRecord::*>>{
           {"LISTENER", &RequestRecord::listener_metadata},
           {"LISTENER_FILTER_CHAIN", &RequestRecord::filter_chain_metadata},
           {"VIRTUAL_HOST", &RequestRecord::virtual_host_metadata},
           {"ROUTE", &RequestRecord::route_metadata},
           {"CLUSTER", &RequestRecord::cluster_metadata},
           {"UPSTREAM_HOST", &RequestRecord::upstream_metadata}}) {
    const std::string text = "%METADATA(" + name + ":a:k)% %METADATA(" + name + ":a)% %METADATA(" + name + ":a:none)%";
    EXPECT_EQ(Text(text), "- - -") << name;
    record_.*where = &all;
    EXPECT_EQ(Text(text), R"(of route {"k":"of route","n":3} -)") << name;
    record_.*where = nullptr;
  }
  EXPECT_EQ(Errors({StdoutLogSink(), TextLogFormat{"%METADATA(ROUTES:a)%"}}),
            std::vector<std::string>{"text_format: byte 0: %METADATA(ROUTES:a)%: expected one of DYNAMIC LISTENER "
                                     "LISTENER_FILTER_CHAIN VIRTUAL_HOST ROUTE CLUSTER UPSTREAM_HOST, then :namespace, :key "
                                     "and so on"});
}

TEST_F(LogFormatTest, DynamicMetadata) {
  EXPECT_EQ(Text("%DYNAMIC_METADATA(a:k)%"), "-");
  metadata::Annotations notes;
  record_.annotations = &notes;
  const metadata::Member members[] = {{"in", metadata::Value::Text("deep\n")}, {"n", metadata::Value::Number(1.5)}};
  notes.metadata.Set(arena_, "a", "k", metadata::Value::Text("a \"text\""));
  notes.metadata.Set(arena_, "a", "o", {.kind = metadata::Value::Kind::kObject, .size = 2, .members = members});
  EXPECT_EQ(Text("%DYNAMIC_METADATA(a:k)%"), R"(a \"text\")");
  EXPECT_EQ(Text("%DYNAMIC_METADATA(a:k):3%"), "a \\\"");
  EXPECT_EQ(Text("%DYNAMIC_METADATA(a:o)%"), R"({"in":"deep\n","n":1.5})");
  EXPECT_EQ(Text("%DYNAMIC_METADATA(a:o:n)% %DYNAMIC_METADATA(a:o:none)% %DYNAMIC_METADATA(b)%"), "1.5 - -");
  EXPECT_EQ(Json({{"k", {"%DYNAMIC_METADATA(a:k)%"}},
                  {"mixed", {"=%DYNAMIC_METADATA(a:o:n)%"}},
                  {"none", {"%DYNAMIC_METADATA(b:k)%"}},
                  {"o", {"%DYNAMIC_METADATA(a:o)%"}}}),
            R"({"k":"a \"text\"","mixed":"=1.5","none":null,"o":{"in":"deep\n","n":1.5}})"
            "\n");
  EXPECT_NE(Text("%DYNAMIC_METADATA%").find("error"), std::string::npos);
  EXPECT_NE(Text("%DYNAMIC_METADATA(a::b)%").find("error"), std::string::npos);
}

TEST_F(LogFormatTest, FilterState) {
  EXPECT_EQ(Text("%FILTER_STATE(a)%"), "-");
  metadata::Annotations notes;
  record_.annotations = &notes;
  notes.filter_state.Set(arena_, "a", "text", false);
  notes.filter_state.Set(arena_, "b", "1,2", false, "[1,2]");
  EXPECT_EQ(Text("%FILTER_STATE(a)% %FILTER_STATE(a:PLAIN)% %FILTER_STATE(b)% %FILTER_STATE(b:PLAIN)%"),
            R"("text" text [1,2] 1,2)");
  EXPECT_EQ(Json({{"a", {"%FILTER_STATE(a:TYPED)%"}}, {"b", {"%FILTER_STATE(b)%"}}}), "{\"a\":\"text\",\"b\":[1,2]}\n");
  EXPECT_NE(Text("%FILTER_STATE(a:OTHER)%").find("expected an object's name"), std::string::npos);
}

TEST_F(LogFormatTest, TypesOfLogs) {
  EXPECT_EQ(Text("%ACCESS_LOG_TYPE%"), "NotSet");
  record_.type = LogType::kDownstreamEnd;
  EXPECT_EQ(Text("%ACCESS_LOG_TYPE%"), "DownstreamEnd");
  record_.type = LogType::kTcpConnectionEnd;
  EXPECT_EQ(Text("%ACCESS_LOG_TYPE%"), "TcpConnectionEnd");
}

TEST_F(LogFormatTest, QueryParameters) {
  EXPECT_EQ(Text("%QUERY_PARAMS%"), "x=1&empty=&y=2");
  request_.path = "/?a=%41%2&b=%zz%";
  EXPECT_EQ(Text("%QUERY_PARAMS(ORIG)% %QUERY_PARAMS(DECODED)%"), "a=%41%2&b=%zz% a=A%2&b=%zz%");
  request_.path = "/";
  EXPECT_EQ(Text("%QUERY_PARAMS%"), "-");
}

TEST_F(LogFormatTest, WhatOnlyHttp3Has) {
  EXPECT_EQ(Text("%ROUNDTRIP_DURATION% %BYTES_RETRANSMITTED% %PACKETS_RETRANSMITTED%"), "- 0 0");
}

}  // namespace
}  // namespace pillion::telemetry
