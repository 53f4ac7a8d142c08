// Who sends a request where extensions say it, and edits of requests before all else. Peers are 127.0.0.1.

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

std::string Extension(const std::string& type, const std::string& fields) {
  return "{name: e, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.http." + type + ", " + fields + "}}";
}
std::string Xff(const std::string& fields) { return Extension("original_ip_detection.xff.v3.XffConfig", fields); }
std::string Header(const std::string& fields) {
  return Extension("original_ip_detection.custom_header.v3.CustomHeaderConfig", "header_name: x-real" + fields);
}

// Whom the log names for a request with `fields`, whether it is internal, and what x-forwarded-for says then.
std::string Seen(const std::string& extensions, const std::string& fields) {
  ProxyWorld world({.hcm = "original_ip_detection_extensions: [" + extensions +
                           "]\ninternal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]}",
                    .filter_log = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %REQ(x-envoy-internal)% %REQ(x-forwarded-for)% "
                                  "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%"});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("GET /direct HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
  world.Run();
  const std::vector<std::string> lines = world.TakeLog();
  std::string line = lines.size() == 1 ? lines[0] : "no line";
  const size_t usual = line.find(" 200 direct_response");
  return usual == line.npos ? line : line.substr(0, usual);
}

TEST(Requester, HopsOfForwardedFor) {
  const std::string one = "x-forwarded-for: 10.0.0.1\r\n";
  const std::string two = "x-forwarded-for: 10.0.0.1, 10.0.0.2\r\n";
  EXPECT_EQ(Seen(Xff(""), one), "10.0.0.1 true 10.0.0.1");
  EXPECT_EQ(Seen(Xff(""), two), "10.0.0.2 - 10.0.0.1, 10.0.0.2");
  EXPECT_EQ(Seen(Xff(""), ""), "127.0.0.1 - -");
  EXPECT_EQ(Seen(Xff(""), "x-forwarded-for: junk\r\n"), "127.0.0.1 - junk");
  EXPECT_EQ(Seen(Xff("xff_num_trusted_hops: 1"), one), "127.0.0.1 - 10.0.0.1");
  EXPECT_EQ(Seen(Xff("xff_num_trusted_hops: 1"), two), "10.0.0.1 - 10.0.0.1, 10.0.0.2");
  EXPECT_EQ(Seen(Xff("skip_xff_append: false"), one), "10.0.0.1 true 10.0.0.1,127.0.0.1");
  EXPECT_EQ(Seen(Xff("skip_xff_append: false"), ""), "127.0.0.1 - 127.0.0.1");
}

TEST(Requester, TrustedAddressesOfForwardedFor) {
  const std::string ours =
      "xff_trusted_cidrs: {cidrs: [{address_prefix: 127.0.0.0, prefix_len: 8}, {address_prefix: 192.0.2.0, prefix_len: 24}]}";
  EXPECT_EQ(Seen(Xff(ours), "x-forwarded-for: 8.8.8.8,10.0.0.1, 192.0.2.1,192.0.2.2\r\n"),
            "10.0.0.1 - 8.8.8.8,10.0.0.1, 192.0.2.1,192.0.2.2");
  EXPECT_EQ(Seen(Xff(ours), "x-forwarded-for: 192.0.2.1,192.0.2.2\r\n"), "192.0.2.1 - 192.0.2.1,192.0.2.2") << "the first of all";
  EXPECT_EQ(Seen(Xff(ours), "x-forwarded-for: 8.8.8.8,junk,192.0.2.2\r\n"), "127.0.0.1 - 8.8.8.8,junk,192.0.2.2");
  EXPECT_EQ(Seen(Xff(ours), "x-forwarded-for: 10.0.0.1\r\n"), "10.0.0.1 true 10.0.0.1");
  EXPECT_EQ(Seen(Xff(ours + ", skip_xff_append: false"), "x-forwarded-for: 10.0.0.1\r\n"), "10.0.0.1 true 10.0.0.1,127.0.0.1");
  EXPECT_EQ(Seen(Xff(ours), ""), "127.0.0.1 - -");
  // Nobody knows a peer that is not among them, and what it says of others is no news.
  EXPECT_EQ(Seen(Xff("xff_trusted_cidrs: {cidrs: [{address_prefix: 192.0.2.0, prefix_len: 24}]}"), "x-forwarded-for: 10.0.0.1\r\n"),
            "127.0.0.1 - 10.0.0.1,127.0.0.1");
}

TEST(Requester, FieldOfItsOwn) {
  EXPECT_EQ(Seen(Header(""), "x-real: 10.1.1.1\r\nx-real: 10.1.1.2\r\n"), "10.1.1.1 - -");
  EXPECT_EQ(Seen(Header(""), "x-real: 2001:db8::1\r\nx-forwarded-for: 8.8.8.8\r\n"), "2001:db8::1 - 8.8.8.8");
  for (const char* const none : {"", "x-real: junk\r\n", "x-real: 10.1.1.1:80\r\n", "x-real: [2001:db8::1]\r\n"}) {
    EXPECT_EQ(Seen(Header(""), none), "127.0.0.1 - -") << none;
  }
  const std::string trusted = Header(", allow_extension_to_set_address_as_trusted: true");
  EXPECT_EQ(Seen(trusted, "x-real: 10.1.1.1\r\n"), "10.1.1.1 true -");
  EXPECT_EQ(Seen(trusted, "x-real: 8.8.8.8\r\n"), "8.8.8.8 - -");
}

TEST(Requester, RefusedWhereItIsNotKnown) {
  const std::string refusing = Header(", reject_with_status: {code: 401}");
  EXPECT_EQ(Seen(refusing, ""), "127.0.0.1 - - 401 rejecting_because_detection_failed");
  EXPECT_EQ(Seen(refusing, "x-real: junk\r\n"), "127.0.0.1 - - 401 rejecting_because_detection_failed");
  EXPECT_EQ(Seen(refusing, "x-real: 10.1.1.1\r\n"), "10.1.1.1 - -");
  EXPECT_EQ(Seen(Header(", reject_with_status: {code: 200}"), ""), "127.0.0.1 - - 403 rejecting_because_detection_failed");
}

TEST(Requester, FirstThatFindsIt) {
  const std::string both = Header("") + ", " + Xff("");
  EXPECT_EQ(Seen(both, "x-real: 10.1.1.1\r\nx-forwarded-for: 10.0.0.1\r\n"), "10.1.1.1 - 10.0.0.1");
  EXPECT_EQ(Seen(both, "x-forwarded-for: 10.0.0.1\r\n"), "10.0.0.1 true 10.0.0.1");
  EXPECT_EQ(Seen(both, ""), "127.0.0.1 - -");
}

// Before the client is looked for, and a route.
TEST(Requester, EarlyEdits) {
  const std::string mutation = "early_header_mutation.header_mutation.v3.HeaderMutation";
  const std::string overwrite = ", append_action: OVERWRITE_IF_EXISTS_OR_ADD}";
  ProxyWorld world(
      {.hcm = "early_header_mutation_extensions:\n- " +
              Extension(mutation, "mutations: [{remove: x-gone}, {append: {header: {key: x-a, value: '%REQ(x-b)% %PROTOCOL%'}}}, "
                                  "{append: {header: {key: x-forwarded-for, value: 1.2.3.4}" + overwrite + "}, "
                                  "{remove_on_match: {key_matcher: {prefix: x-un}}}]") +
              "\n- " + Extension(mutation, "mutations: [{append: {header: {key: x-c, value: '%REQ(x-a)%'}}}]"),
       .first_routes = "- {match: {prefix: /, headers: [{name: x-c, string_match: {exact: b HTTP/1.1}}]}, "
                       "direct_response: {status: 218}}",
       .filter_log = "%RESPONSE_CODE% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %REQ(x-gone)% %REQ(x-unwanted)%"});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\nx-gone: 1\r\nx-unwanted: 1\r\nx-b: b\r\n\r\n");
  world.Run();
  EXPECT_EQ(world.TakeLog(), std::vector<std::string>{"218 1.2.3.4 - -"});
}

}  // namespace
}  // namespace pillion::test
