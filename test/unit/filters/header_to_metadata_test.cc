#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

class HeaderToMetadataTest : public testing::Test {
 protected:
  // Lines of the log show `format`.
  void Start(const std::string& rules, const std::string& format, const std::string& table = "") {
    client_.reset();
    ProxySettings settings;
    settings.http_filters =
        "- name: notes\n"
        "  typed_config:\n"
        "    \"@type\": type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config\n" + rules;
    settings.filter_log = format;
    settings.table = table;
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  // What upstream has got, of a request with these fields.
  std::string Upstream(const std::string& fields, const std::string& answer_fields = "") {
    client_->Send("GET / HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    const std::string got = world_->upstream().peer(0).Take();
    world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\n" + answer_fields + "content-length: 0\r\n\r\n");
    world_->Run();
    answer_ = client_->Take();
    return got;
  }
  std::string Line(const std::string& fields, const std::string& answer_fields = "") {
    Upstream(fields, answer_fields);
    const std::vector<std::string> lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
  std::string answer_;
};

TEST_F(HeaderToMetadataTest, PresentAndMissing) {
  Start(R"(    request_rules:
    - header: X-Version
      on_header_present: {metadata_namespace: app, key: version}
      on_header_missing: {metadata_namespace: app, key: version, value: none}
    - {header: x-b, on_header_present: {key: b, value: fixed}, on_header_missing: {key: c, value: d}}
)",
        "%DYNAMIC_METADATA(app:version)% %DYNAMIC_METADATA(app)% "
        "%DYNAMIC_METADATA(envoy.filters.http.header_to_metadata:b)%");
  EXPECT_EQ(Line("x-version: 7\r\nx-b: 1\r\n"), R"(7 {"version":"7"} fixed)");
  EXPECT_EQ(Line("x-version: 1\r\nx-version: 2\r\n"), R"(1,2 {"version":"1,2"} -)");
  EXPECT_EQ(Line(""), R"(none {"version":"none"} -)");
}

TEST_F(HeaderToMetadataTest, Cookies) {
  Start("    request_rules: [{cookie: c, on_header_present: {metadata_namespace: n, key: k},"
        " on_header_missing: {metadata_namespace: n, key: k, value: none}}]\n",
        "%DYNAMIC_METADATA(n:k)%");
  EXPECT_EQ(Line("cookie: a=1; c=two\r\n"), "two");
  EXPECT_EQ(Line("cookie: a=1\r\n"), "none");
}

TEST_F(HeaderToMetadataTest, RemovesTheField) {
  Start("    request_rules: [{header: x-secret, on_header_present: {metadata_namespace: n, key: k}, remove: true}]\n",
        "%DYNAMIC_METADATA(n:k)%");
  EXPECT_EQ(Upstream("x-secret: s\r\nx-other: o\r\n").find("x-secret"), std::string::npos);
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"s"});
}

TEST_F(HeaderToMetadataTest, Responses) {
  Start("    response_rules: [{header: x-app, on_header_present: {metadata_namespace: n, key: k}, remove: true}]\n",
        "%DYNAMIC_METADATA(n:k)%");
  EXPECT_EQ(Line("x-app: request\r\n", "x-app: answer\r\n"), "answer");
  EXPECT_EQ(answer_.find("x-app"), std::string::npos);
}

TEST_F(HeaderToMetadataTest, Types) {
  Start(R"(    request_rules:
    - header: x-n
      on_header_present: {metadata_namespace: n, key: k, type: NUMBER}
    - header: x-e
      on_header_present: {metadata_namespace: n, key: e, encode: BASE64}
    - header: ":path"
      on_header_present:
        metadata_namespace: n
        key: r
        regex_value_rewrite: {pattern: {regex: "^/([a-z]*).*"}, substitution: "<\\1>"}
)",
        "%DYNAMIC_METADATA(n:k)% %DYNAMIC_METADATA(n:e)% %DYNAMIC_METADATA(n:r)%");
  EXPECT_EQ(Line("x-n: 12.50\r\nx-e: aGVsbG8=\r\n"), "12.5 hello <>");
  EXPECT_EQ(Line("x-n: many\r\nx-e: !\r\n"), "- - <>");
  EXPECT_EQ(Line("x-n: 1e3\r\nx-e: aGk\r\n"), "1000 hi <>");
}

TEST_F(HeaderToMetadataTest, WhatIsTooLongIsNotNoted) {
  Start("    request_rules: [{header: x, on_header_present: {metadata_namespace: n, key: k}}]\n",
        "%DYNAMIC_METADATA(n:k):3%");
  EXPECT_EQ(Line("x: " + std::string(8191, 'a') + "\r\n"), "aaa");
  EXPECT_EQ(Line("x: " + std::string(8192, 'a') + "\r\n"), "-");
  EXPECT_EQ(Line("x:\r\n"), "-");
}

TEST_F(HeaderToMetadataTest, ATableHasOtherRules) {
  Start("    request_rules: [{header: x, on_header_present: {metadata_namespace: n, key: k}}]\n",
        "%DYNAMIC_METADATA(n)%",
        "typed_per_filter_config:\n  notes:\n"
        "    \"@type\": type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config\n"
        "    request_rules: [{header: x, on_header_present: {metadata_namespace: n, key: other}}]\n");
  EXPECT_EQ(Line("x: 1\r\n"), R"({"other":"1"})");
}

// Fields that routes add may say what was noted.
TEST_F(HeaderToMetadataTest, HeaderEditsRead) {
  Start("    request_rules: [{header: x, on_header_present: {metadata_namespace: n, key: k}}]\n", "-",
        "request_headers_to_add: [{header: {key: x-noted, value: \"%DYNAMIC_METADATA(n:k)%\"}}]\n");
  EXPECT_NE(Upstream("x: 1\r\n").find("x-noted: 1\r\n"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test
