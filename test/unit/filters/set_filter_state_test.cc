#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

class SetFilterStateTest : public testing::Test {
 protected:
  std::string Line(const std::string& objects, const std::string& format, const std::string& fields = "",
                   const std::string& table = "") {
    ProxySettings settings;
    settings.http_filters =
        "- name: state\n"
        "  typed_config:\n"
        "    \"@type\": type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config\n"
        "    on_request_headers:\n" + objects;
    settings.filter_log = format;
    settings.table = table;
    ProxyWorld world(settings);
    const std::unique_ptr<Peer> client = world.Connect();
    client->Send("GET /direct HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world.Run();
    const std::vector<std::string> lines = world.TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }
  static std::string Object(const std::string& key, const std::string& format, const std::string& more = "") {
    return "    - {object_key: " + key + ", factory_key: envoy.string" + more +
           ", format_string: {text_format_source: {inline_string: \"" + format + "\"}}}\n";
  }
};

TEST_F(SetFilterStateTest, TextsOfTheRequest) {
  const std::string object = Object("who", "%REQ(x-who)%/%REQ(:PATH)%");
  EXPECT_EQ(Line(object, "%FILTER_STATE(who:PLAIN)% %FILTER_STATE(who)% %FILTER_STATE(who:TYPED)% %FILTER_STATE(none)%",
                 "x-who: me\r\n"),
            R"(me//direct "me//direct" "me//direct" -)");
  EXPECT_EQ(Line(object, "%FILTER_STATE(who:PLAIN)%"), "-//direct");
}

TEST_F(SetFilterStateTest, LaterObjectsSeeEarlierOnes) {
  EXPECT_EQ(Line(Object("a", "1") + Object("b", "<%FILTER_STATE(a:PLAIN)%>"), "%FILTER_STATE(b:PLAIN)%"), "<1>");
}

TEST_F(SetFilterStateTest, ReadOnly) {
  EXPECT_EQ(Line(Object("a", "1") + Object("a", "2"), "%FILTER_STATE(a:PLAIN)%"), "2");
  EXPECT_EQ(Line(Object("a", "1", ", read_only: true") + Object("a", "2"), "%FILTER_STATE(a:PLAIN)%"), "1");
}

TEST_F(SetFilterStateTest, SkipIfEmpty) {
  const std::string empty =
      "    - {object_key: a, factory_key: envoy.string, skip_if_empty: SKIP, format_string: {omit_empty_values: true,"
      " text_format_source: {inline_string: \"%REQ(x-none)%\"}}}\n";
  const auto with = [&](const std::string& skip) { return std::string(empty).replace(empty.find("SKIP"), 4, skip); };
  EXPECT_EQ(Line(with("false"), "<%FILTER_STATE(a:PLAIN)%>"), "<>");
  EXPECT_EQ(Line(with("true"), "<%FILTER_STATE(a:PLAIN)%>"), "<->");
}

TEST_F(SetFilterStateTest, ATableSetsOthers) {
  EXPECT_EQ(Line(Object("a", "1"), "%FILTER_STATE(a:PLAIN)% %FILTER_STATE(b:PLAIN)%", "",
                 "typed_per_filter_config:\n  state:\n"
                 "    \"@type\": type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config\n"
                 "    on_request_headers:\n" + Object("b", "2")),
            "- 2");
}

}  // namespace
}  // namespace pillion::test
