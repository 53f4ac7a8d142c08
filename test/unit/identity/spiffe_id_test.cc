#include "source/identity/spiffe_id.h"

#include "gtest/gtest.h"

namespace pillion::identity {
namespace {

std::string ErrorOf(std::string_view text) {
  const auto id = ParseSpiffeId(text);
  const auto* error = std::get_if<SpiffeIdError>(&id);
  return error == nullptr ? "" : error->text;
}

TEST(SpiffeIdTest, PartsOfAnId) {
  const auto id = ParseSpiffeId("spiffe://td.test/ns/prod/sa/Web_1.a-b");
  ASSERT_TRUE(std::holds_alternative<SpiffeId>(id));
  EXPECT_EQ(std::get<SpiffeId>(id).trust_domain, "td.test");
  EXPECT_EQ(std::get<SpiffeId>(id).path, "/ns/prod/sa/Web_1.a-b");
}

TEST(SpiffeIdTest, ATrustDomainAloneIsAnId) {
  const auto id = ParseSpiffeId("spiffe://td.test");
  ASSERT_TRUE(std::holds_alternative<SpiffeId>(id));
  EXPECT_EQ(std::get<SpiffeId>(id).path, "");
}

TEST(SpiffeIdTest, EachRuleIsNamed) {
  EXPECT_EQ(ErrorOf("https://td.test/a"), "does not begin with \"spiffe://\"");
  EXPECT_EQ(ErrorOf("SPIFFE://td.test/a"), "does not begin with \"spiffe://\"");
  EXPECT_EQ(ErrorOf(""), "does not begin with \"spiffe://\"");
  EXPECT_EQ(ErrorOf("spiffe://"), "has no trust domain");
  EXPECT_EQ(ErrorOf("spiffe:///a"), "has no trust domain");
  EXPECT_EQ(ErrorOf("spiffe://TD.TEST/a"), "has \"T\" in its trust domain");
  EXPECT_EQ(ErrorOf("spiffe://user@td.test/a"), "has \"@\" in its trust domain");
  EXPECT_EQ(ErrorOf("spiffe://td.test:80/a"), "has \":\" in its trust domain");
  EXPECT_EQ(ErrorOf("spiffe://td.test?q"), "has \"?\" in its trust domain");
  EXPECT_EQ(ErrorOf("spiffe://td.test/a?q"), "has \"?\" in its path");
  EXPECT_EQ(ErrorOf("spiffe://td.test/a#f"), "has \"#\" in its path");
  EXPECT_EQ(ErrorOf("spiffe://td.test/a%2fb"), "has \"%\" in its path");
  EXPECT_EQ(ErrorOf("spiffe://td.test/a/../b"), "has the path segment \"..\"");
  EXPECT_EQ(ErrorOf("spiffe://td.test/."), "has the path segment \".\"");
  EXPECT_EQ(ErrorOf("spiffe://td.test//a"), "has an empty path segment");
  EXPECT_EQ(ErrorOf("spiffe://td.test/a/"), "has an empty path segment");
  EXPECT_EQ(ErrorOf("spiffe://td.test/"), "has an empty path segment");
  EXPECT_EQ(ErrorOf(std::string_view("spiffe://td.test/a\0b", 20)), "has \"\\x00\" in its path");
}

TEST(SpiffeIdTest, Lengths) {
  const std::string most = "spiffe://td.test/" + std::string(2048 - 17, 'a');
  EXPECT_EQ(ErrorOf(most), "");
  EXPECT_EQ(ErrorOf(most + "a"), "has 2049 bytes, at most 2048 are allowed");
  EXPECT_EQ(ErrorOf("spiffe://" + std::string(255, 'a') + "/a"), "");
  EXPECT_EQ(ErrorOf("spiffe://" + std::string(256, 'a') + "/a"),
            "has a trust domain of 256 bytes, at most 255 are allowed");
}

}  // namespace
}  // namespace pillion::identity
