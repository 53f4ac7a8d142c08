// Group F of hostile input: one path, whatever it is written as.

#include "source/http/path.h"

#include <gtest/gtest.h>

namespace pillion::http {
namespace {

class PathTest : public testing::Test {
 protected:
  std::string Normal(std::string_view path) { return std::string(NormalizedPath(path, arena_).value_or("refused")); }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
};

TEST_F(PathTest, Normalizes) {
  const std::pair<const char*, const char*> cases[] = {
      {"/", "/"},
      {"/a/b.c?d=/../e", "/a/b.c?d=/../e"},        // F12
      {"/public/../admin", "/admin"},              // F1
      {"/public/%2e%2e/admin", "/admin"},          // F2
      {"/public/.%2E/admin", "/admin"},
      {"/public/%252e%252e/admin", "/public/%252e%252e/admin"},  // F4
      {"/public/..%2fadmin", "/public/..%2fadmin"},
      {"/public\\..\\admin", "/admin"},            // F6
      {"/public/..;/admin", "/admin"},             // F7
      {"/public/..;x=1/admin?q", "/admin?q"},
      {"/a/;x=1/../b", "/a/b"},
      {"/a/b;../c", "/a/b;../c"},
      {"/admin/.", "/admin/"},                     // F13
      {"/%61dmin", "/admin"},                      // F14
      {"/../../x", "/x"},                          // F17
      {"/a/../../..", "/"},
      {"/a/..", "/"},
      {"/a/b/..", "/a/"},
      {"/a/b/../..", "/"},
      {"/..", "/"},
      {"/.", "/"},
      {"/.?q", "/?q"},
      {"/a//../b", "/a/b"},
      {"//a", "//a"},
      {"/a/.../b", "/a/.../b"},
      {"/a/.hidden", "/a/.hidden"},
      {"/a/%2ehidden", "/a/.hidden"},
      {"/%7e%5F%2d%41", "/~_-A"},
      {"/%3f%23%25%2F%5c", "/%3f%23%25%2F%5c"},
      {"/%c0%af%0d%0a", "/%c0%af%0d%0a"},          // F10, F11
      {"/{a}|\"<>^`", "/%7Ba%7D%7C%22%3C%3E%5E%60"},
      {"*", "*"},
      {"", ""},
  };
  for (const auto& [path, normal] : cases) {
    EXPECT_EQ(Normal(path), normal) << path;
    EXPECT_EQ(Normal(normal), normal) << "again: " << path;
  }
}

TEST_F(PathTest, RefusesBrokenEscapes) {
  for (const char* path : {"/admin%00", "/%", "/%4", "/%zz", "/%4g", "/a%2"}) EXPECT_EQ(Normal(path), "refused") << path;
  EXPECT_EQ(Normal("/a?%zz%00"), "/a?%zz%00");
}

TEST_F(PathTest, WhatIsNormalIsNotCopied) {
  const std::string_view path = "/a/b;c=d/e.f/~g?h";
  EXPECT_EQ(NormalizedPath(path, arena_)->data(), path.data());
  EXPECT_EQ(WithMergedSlashes(path, arena_).data(), path.data());
  EXPECT_EQ(WithoutEscapedSlashes(path, arena_).data(), path.data());
  EXPECT_EQ(arena_.bytes_taken(), 0u);
}

TEST_F(PathTest, Slashes) {
  EXPECT_EQ(WithMergedSlashes("//a///b/?c//d", arena_), "/a/b/?c//d");  // F5
  EXPECT_EQ(WithMergedSlashes("/a?c//d", arena_), "/a?c//d");
  EXPECT_EQ(WithoutEscapedSlashes("/a%2fb%2Fc%5cd%5Ce%2?f%2f", arena_), "/a/b/c/d/e%2?f%2f");  // F3
  EXPECT_EQ(WithoutEscapedSlashes("/a%20b", arena_), "/a%20b");
}

// F7
TEST_F(PathTest, Parameters) {
  EXPECT_EQ(WithoutParameters("/admin;x=1", arena_), "/admin");
  EXPECT_EQ(WithoutParameters("/a;x/b;y=1;z/;/c?d;e", arena_), "/a/b//c?d;e");
  EXPECT_EQ(WithoutParameters(";a/b", arena_), "/b");
  EXPECT_EQ(WithoutParameters("/a/b?;c", arena_), "/a/b?;c");
  EXPECT_EQ(WithoutParameters("", arena_), "");
}

}  // namespace
}  // namespace pillion::http
