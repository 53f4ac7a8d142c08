#include "source/ca/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/identity/text.h"

namespace pillion::ca {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
const Terms kTerms = {.svid_ttl = absl::Hours(1), .ca_ttl = absl::Hours(24)};

// Two roots, of which one has signed.
Authority TwoRoots() {
  Authority authority("demo.test");
  EXPECT_TRUE(authority.Advance(kStart, kTerms).ok());
  EXPECT_TRUE(authority.Issue("spiffe://demo.test/web", kStart, kTerms).ok());
  EXPECT_TRUE(authority.Advance(kStart + absl::Hours(12), kTerms).ok());
  EXPECT_EQ(authority.roots().size(), 2u);
  return authority;
}

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  EXPECT_NE(at, text.npos) << what;
  return text.replace(at, what.size(), with);
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Authority> read = ReadState(text);
  return read.ok() ? "none" : std::string(read.status().message());
}

TEST(State, ComesBackAsItWas) {
  const Authority authority = TwoRoots();
  const absl::StatusOr<Authority> read = ReadState(StateText(authority));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->trust_domain(), "demo.test");
  EXPECT_EQ(read->BundlePem(), authority.BundlePem());
  ASSERT_EQ(read->roots().size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read->roots()[i].signs_from, authority.roots()[i].signs_from);
    EXPECT_EQ(read->roots()[i].last_svid_ends, authority.roots()[i].last_svid_ends);
    EXPECT_EQ(EVP_PKEY_eq(read->roots()[i].pair.key.get(), authority.roots()[i].pair.key.get()), 1);
  }
  EXPECT_EQ(StateText(*read), StateText(authority));
}

// A file that was cut off anywhere is refused, and says so.
TEST(State, RefusesEachTruncation) {
  const std::string text = StateText(TwoRoots());
  for (size_t size = 0; size + 1 < text.size(); size += 7) {
    const std::string error = ErrorOf(text.substr(0, size));
    ASSERT_THAT(error, MatchesRegex("line [0-9]+: .*")) << size;
  }
}

// Whatever byte is lost or turned around in what counts: it is no other CA then.
TEST(State, RefusesDamage) {
  const Authority authority = TwoRoots();
  const std::string text = StateText(authority);
  for (size_t at = text.find("-----BEGIN"); at < text.size(); at += 13) {
    std::string damaged = text;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    const absl::StatusOr<Authority> read = ReadState(damaged);
    EXPECT_TRUE(!read.ok() || read->BundlePem() == authority.BundlePem()) << at;
  }
}

TEST(State, SaysWhatIsWrong) {
  const std::string text = StateText(TwoRoots());
  EXPECT_EQ(ErrorOf(""), "line 1: the file ends too early");
  EXPECT_EQ(ErrorOf("rubbish"), "line 1: \"rubbish\": expected \"version: ...\"");
  EXPECT_EQ(ErrorOf(Replaced(text, "version: 1", "version: 2")),
            "line 2: version \"2\": expected a number from 1 to 1");
  EXPECT_THAT(ErrorOf(Replaced(text, ": demo.test", ": Demo.test")), HasSubstr("has \"D\" in its trust domain"));
  EXPECT_THAT(ErrorOf(Replaced(text, ": demo.test", ": other.test")),
              HasSubstr("the certificate is not that of \"spiffe://other.test\""));
  EXPECT_EQ(ErrorOf(Replaced(text, "roots: 2", "roots: 0")),
            "line 4: roots \"0\": expected a number from 1 to 64");
  EXPECT_THAT(ErrorOf(Replaced(text, "roots: 2", "roots: 1")), HasSubstr("expected nothing after the last root"));
  EXPECT_THAT(ErrorOf(Replaced(text, "roots: 2", "roots: 3")), HasSubstr("the file ends too early"));
  EXPECT_THAT(ErrorOf(Replaced(text, "signs-from: 2027", "signs-from: soon")),
              HasSubstr("line 6: signs-from \"soon"));
  EXPECT_THAT(ErrorOf(Replaced(text, "last-svid-ends", "last-svid-end")),
              HasSubstr("expected \"last-svid-ends: ...\""));
  EXPECT_THAT(ErrorOf(Replaced(text, "-----BEGIN PRIVATE", "-----BEGIN EC PRIVATE")),
              HasSubstr("expected -----BEGIN PRIVATE KEY-----"));
}

TEST(State, RefusesRootsThatAreNone) {
  const Authority authority = TwoRoots();
  const std::string text = StateText(authority);
  const Root& first = authority.roots()[0];
  // The key of the other one.
  const std::string swapped =
      Replaced(text, KeyPem(first.pair.key.get()), KeyPem(authority.roots()[1].pair.key.get()));
  EXPECT_THAT(ErrorOf(swapped), HasSubstr("the private key is not that of the certificate"));
  // A leaf.
  const absl::StatusOr<identity::KeyPair> leaf =
      MakeSvid(first.pair, "spiffe://demo.test/web", {.begin = kStart, .end = kStart + absl::Hours(1)});
  ASSERT_TRUE(leaf.ok());
  const std::string with_leaf =
      Replaced(Replaced(text, identity::PemText(first.pair.leaf()), identity::PemText(leaf->leaf())),
               KeyPem(first.pair.key.get()), KeyPem(leaf->key.get()));
  EXPECT_THAT(ErrorOf(with_leaf), HasSubstr("the certificate is not a CA's"));
  // The wrong order.
  EXPECT_THAT(ErrorOf(Replaced(text, "signs-from: 2027", "signs-from: 2028")), HasSubstr("it signs earlier"));
}

}  // namespace
}  // namespace pillion::ca
