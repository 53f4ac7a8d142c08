// Roles by what a client is and shows.

#include "source/admin/access.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace pillion::admin {
namespace {

using config::AdminAccess;
using config::AdminGrant;
using config::AdminRole;
using config::AdminRoles;

class AccessTest : public ::testing::Test {
 protected:
  std::string TokenFile(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = testing::TempDir() + "/" + name;
    std::ofstream(path, std::ios::trunc) << text;
    chmod(path.c_str(), mode);
    return path;
  }

  AdminAccess granted_;
  Access access_{granted_, true};
};

TEST_F(AccessTest, ByDefaultThisMachineMayDoAll) {
  const AdminAccess granted = config::DefaultAdminAccess();
  const Access access(granted, false);
  EXPECT_EQ(access.RolesOf({.local = true}, ""), AdminRoles::All());
  EXPECT_EQ(RolesText(access.RolesOf({.local = true}, "")), "monitor, read, profile, write");
  EXPECT_EQ(RolesText(access.RolesOf({}, "")), "monitor");
  EXPECT_FALSE(access.TakesToken(""));
}

TEST_F(AccessTest, WhatIsOfThisMachine) {
  for (const char* ip : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLocal(config::SocketAddress{ip, false, 1})) << ip;
  }
  for (const char* ip : {"0.0.0.0", "10.0.0.1", "::", "::ffff:10.0.0.1", "fe80::1%eth0", "128.0.0.1", ""}) {
    EXPECT_FALSE(IsLocal(config::SocketAddress{ip, false, 1})) << ip;
  }
  EXPECT_TRUE(IsLocal(config::UnixPath{"/run/x", {}}));
}

TEST_F(AccessTest, RolesAddUp) {
  granted_.grants = {{.roles = {AdminRole::kMonitor}, .to = AdminGrant::Anybody{}},
                     {.roles = {AdminRole::kProfile}, .to = AdminGrant::Uids{5, 7}},
                     {.roles = {AdminRole::kWrite}, .to = match::StringMatcher(match::StringMatcher::Kind::kExact, "spiffe://a/b")}};
  EXPECT_EQ(RolesText(access_.RolesOf({}, "")), "monitor");
  EXPECT_EQ(RolesText(access_.RolesOf({.local = true, .uid = 7}, "")), "monitor, profile");
  EXPECT_EQ(RolesText(access_.RolesOf({.uid = 6}, "")), "monitor");
  EXPECT_EQ(RolesText(access_.RolesOf({.uid = 5, .uris = {"x", "spiffe://a/b"}}, "")), "monitor, profile, write");
  EXPECT_EQ(RolesText(access_.RolesOf({.uris = {"spiffe://a/b/"}}, "")), "monitor");
  granted_.grants = {{.roles = {AdminRole::kRead}, .to = AdminGrant::Local{}}};
  EXPECT_EQ(RolesText(access_.RolesOf({.local = true}, "")), "monitor, read");
  EXPECT_EQ(RolesText(access_.RolesOf({}, "")), "no role");
}

TEST_F(AccessTest, Tokens) {
  granted_.grants = {{.roles = {AdminRole::kRead}, .to = AdminGrant::TokenFile{TokenFile("one", "0123456789abcdef\r\nthe-second-of-them\n")}},
                     {.roles = {AdminRole::kWrite}, .to = AdminGrant::TokenFile{TokenFile("two", "another-token-here")}}};
  ASSERT_TRUE(access_.ReadTokens().ok());
  const auto roles = [this](std::string_view field) { return RolesText(access_.RolesOf({}, field)); };
  EXPECT_EQ(roles("Bearer 0123456789abcdef"), "monitor, read");
  EXPECT_EQ(roles("bearer the-second-of-them"), "monitor, read");
  EXPECT_EQ(roles("BEARER another-token-here"), "write");
  EXPECT_FALSE(access_.TakesToken("Bearer another-token-here"));
  for (const char* field : {"", "Bearer", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef", "Bearer 0123456789abcde",
                            "Bearer 0123456789abcdefg", "Bearer  0123456789abcdef", "Bearer 0123456789abcdef\r",
                            "Bearer 0123456789abcdef\n", "Bearer 0123456789abcdeg", "Bearer 1123456789abcdef",
                            "Bearer 0123456789abcdef0123456789abcdef"}) {
    EXPECT_EQ(roles(field), "no role") << field;
    EXPECT_TRUE(access_.TakesToken(field)) << field;
  }
}

TEST_F(AccessTest, AFileThatIsNoGoodLetsNobodyIn) {
  const std::string path = TokenFile("changing", "0123456789abcdef");
  granted_.grants = {{.roles = {AdminRole::kRead}, .to = AdminGrant::TokenFile{path}},
                     {.roles = {AdminRole::kWrite}, .to = AdminGrant::TokenFile{TokenFile("constant", "another-token-here")}}};
  ASSERT_TRUE(access_.ReadTokens().ok());
  const std::pair<std::string, mode_t> bad[] = {{"0123456789abcdef", 0640}, {"0123456789abcdef", 0604}, {"0123456789abcdef", 0610},
                                                {"", 0600}, {"\n", 0600}, {"short", 0600}, {" 0123456789abcdef", 0600},
                                                {"0123456789abcdef\t", 0600}, {std::string("0123456789abcdef\0", 17), 0600}};
  for (const auto& [text, mode] : bad) {
    TokenFile("changing", text, mode);
    const absl::Status status = access_.ReadTokens();
    EXPECT_TRUE(std::string(status.message()).starts_with("token_file \"" + path + "\": ")) << text << status;
    EXPECT_EQ(std::string(status.message()).find("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(RolesText(access_.RolesOf({}, "Bearer 0123456789abcdef")), "no role") << text;
    EXPECT_EQ(RolesText(access_.RolesOf({}, "Bearer another-token-here")), "write");
    chmod(path.c_str(), 0600);
  }
  std::filesystem::remove(path);
  EXPECT_FALSE(access_.ReadTokens().ok());
  TokenFile("changing", "0123456789abcdef");
  EXPECT_TRUE(access_.ReadTokens().ok());
  EXPECT_EQ(RolesText(access_.RolesOf({}, "Bearer 0123456789abcdef")), "monitor, read");
}

}  // namespace
}  // namespace pillion::admin
