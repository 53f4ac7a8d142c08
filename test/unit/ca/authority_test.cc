#include "source/ca/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "source/ca/state.h"

namespace pillion::ca {
namespace {

using identity::KeyPair;
using testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
const Terms kTerms = {.svid_ttl = absl::Hours(1), .ca_ttl = absl::Hours(24 * 30)};

bool Advance(Authority& authority, absl::Time now, const Terms& terms = kTerms) {
  const absl::StatusOr<bool> changed = authority.Advance(now, terms);
  EXPECT_TRUE(changed.ok()) << changed.status();
  return changed.ok() && *changed;
}

KeyPair Issue(Authority& authority, absl::Time now, const Terms& terms = kTerms) {
  absl::StatusOr<KeyPair> svid = authority.Issue("spiffe://demo.test/web", now, terms);
  EXPECT_TRUE(svid.ok()) << svid.status();
  return *std::move(svid);
}

bool IsTrusted(const KeyPair& svid, const Authority& authority) {
  for (const Root& root : authority.roots()) {
    if (X509_verify(svid.leaf(), X509_get0_pubkey(root.pair.leaf())) == 1) return true;
  }
  return false;
}

TEST(Authority, MakesOneRootAndKeepsIt) {
  Authority authority("demo.test");
  EXPECT_TRUE(Advance(authority, kStart));
  EXPECT_EQ(authority.roots().size(), 1u);
  EXPECT_EQ(authority.roots()[0].ends(), kStart + kTerms.ca_ttl);
  EXPECT_FALSE(Advance(authority, kStart));
  EXPECT_FALSE(Advance(authority, kStart + absl::Hours(24 * 14)));
}

TEST(Authority, IssuesForAnHourAndAMinuteBefore) {
  Authority authority("demo.test");
  Advance(authority, kStart);
  const absl::Time now = kStart + absl::Hours(5);
  const KeyPair svid = Issue(authority, now);
  EXPECT_EQ(identity::NotBefore(svid.leaf()), now - absl::Minutes(1));
  EXPECT_EQ(identity::NotAfter(svid.leaf()), now + absl::Hours(1));
  EXPECT_EQ(authority.roots()[0].last_svid_ends, now + absl::Hours(1));
}

TEST(Authority, RenewalComesBeforeHalfOfTheLife) {
  Authority authority("demo.test");
  Advance(authority, kStart);
  const KeyPair svid = Issue(authority, kStart);
  const absl::Time half = kStart - absl::Minutes(1) + absl::Minutes(61) / 2;
  EXPECT_EQ(RenewalTime(svid.leaf()), half - absl::Seconds(30));
  const Terms quick = {.svid_ttl = absl::Seconds(4), .ca_ttl = absl::Seconds(12)};
  const KeyPair brief = Issue(authority, kStart, quick);  // from one second before
  EXPECT_EQ(RenewalTime(brief.leaf()), kStart + absl::Milliseconds(1500 - 500));
}

TEST(Authority, ARootIsInBundlesBeforeItSigns) {
  Authority authority("demo.test");
  Advance(authority, kStart);
  Issue(authority, kStart);
  const std::string first = authority.BundlePem();
  const absl::Time half = kStart + kTerms.ca_ttl / 2;
  EXPECT_FALSE(Advance(authority, half - absl::Minutes(1)));
  EXPECT_TRUE(Advance(authority, half));
  ASSERT_EQ(authority.roots().size(), 2u);
  EXPECT_EQ(authority.roots()[1].signs_from, half + kTerms.ca_ttl / 6);
  EXPECT_EQ(authority.BundlePem().substr(0, first.size()), first);
  EXPECT_EQ(&authority.SignerAt(half), &authority.roots()[0]);

  const absl::Time before = authority.roots()[1].signs_from - absl::Seconds(1);
  EXPECT_FALSE(Advance(authority, before));
  const KeyPair last_of_old = Issue(authority, before);
  EXPECT_EQ(X509_verify(last_of_old.leaf(), X509_get0_pubkey(authority.roots()[0].pair.leaf())), 1);
  EXPECT_EQ(identity::NotAfter(last_of_old.leaf()), before + kTerms.svid_ttl) << "it is not cut short";

  const absl::Time after = authority.roots()[1].signs_from;
  EXPECT_FALSE(Advance(authority, after)) << "bundles stay as they are";
  const KeyPair first_of_new = Issue(authority, after);
  EXPECT_EQ(X509_verify(first_of_new.leaf(), X509_get0_pubkey(authority.roots()[1].pair.leaf())), 1);

  EXPECT_FALSE(Advance(authority, before + kTerms.svid_ttl - absl::Seconds(1)));
  EXPECT_EQ(authority.roots().size(), 2u) << "its last SVID has not ended";
  EXPECT_TRUE(Advance(authority, before + kTerms.svid_ttl));
  ASSERT_EQ(authority.roots().size(), 1u);
  EXPECT_TRUE(IsTrusted(first_of_new, authority));
  EXPECT_FALSE(IsTrusted(last_of_old, authority));
}

TEST(Authority, LateRotationsCutNoSvidShort) {
  Authority authority("demo.test");
  Advance(authority, kStart);
  const absl::Time late = kStart + kTerms.ca_ttl - absl::Minutes(30);  // nobody ran for a month
  EXPECT_TRUE(Advance(authority, late));
  const KeyPair svid = Issue(authority, late);
  EXPECT_EQ(identity::NotAfter(svid.leaf()), late + kTerms.svid_ttl);
  EXPECT_EQ(X509_verify(svid.leaf(), X509_get0_pubkey(authority.roots().back().pair.leaf())), 1);
  const absl::Time less_late = kStart + kTerms.ca_ttl - absl::Hours(3);
  Authority other("demo.test");
  Advance(other, kStart);
  Advance(other, less_late);
  EXPECT_EQ(other.roots().back().signs_from, kStart + kTerms.ca_ttl - absl::Hours(1));
}

TEST(Authority, BeginsAnewWhenAllHasEnded) {
  Authority authority("demo.test");
  Advance(authority, kStart);
  Issue(authority, kStart);
  const std::string first = authority.BundlePem();
  const absl::Time long_after = kStart + kTerms.ca_ttl * 2;
  EXPECT_TRUE(Advance(authority, long_after));
  ASSERT_EQ(authority.roots().size(), 1u);
  EXPECT_NE(authority.BundlePem(), first);
  EXPECT_EQ(identity::NotAfter(Issue(authority, long_after).leaf()), long_after + kTerms.svid_ttl);
}

TEST(Authority, RefusesAClockBeforeItsRoots) {
  Authority authority("demo.test");
  Advance(authority, kStart);
  const absl::StatusOr<bool> changed = authority.Advance(kStart - absl::Hours(1), kTerms);
  ASSERT_FALSE(changed.ok());
  EXPECT_THAT(std::string(changed.status().message()), HasSubstr("the clock says"));
  EXPECT_TRUE(authority.Advance(kStart - absl::Seconds(59), kTerms).ok());
}

// At any time, whatever the pace, restarts included: what was issued is trusted until it ends, and its root was in the bundle
// before it signed.
TEST(Authority, AlwaysTrustsWhatItIssued) {
  std::minstd_rand random(7);
  const Terms terms = {.svid_ttl = absl::Seconds(20), .ca_ttl = absl::Seconds(60)};
  Authority first("demo.test");
  Advance(first, kStart, terms);
  absl::StatusOr<Authority> authority = ReadState(StateText(first));
  ASSERT_TRUE(authority.ok()) << authority.status();
  std::vector<KeyPair> issued;
  std::string bundle;
  size_t rotations = 0;
  for (absl::Time now = kStart; now < kStart + absl::Minutes(20);
       now += absl::Milliseconds(500 + random() % 5000)) {
    const absl::StatusOr<bool> changed = authority->Advance(now, terms);
    ASSERT_TRUE(changed.ok()) << changed.status();
    rotations += *changed;
    issued.push_back(Issue(*authority, now, terms));
    for (const KeyPair& svid : issued) {
      if (identity::NotAfter(svid.leaf()) <= now) continue;
      ASSERT_TRUE(IsTrusted(svid, *authority)) << now;
    }
    ASSERT_LE(identity::NotAfter(issued.back().leaf()), authority->SignerAt(now).ends());
    ASSERT_LE(authority->roots().size(), 3u);
    absl::StatusOr<Authority> restarted = ReadState(StateText(*authority));
    ASSERT_TRUE(restarted.ok()) << restarted.status();
    ASSERT_EQ(restarted->BundlePem(), authority->BundlePem());
    authority = std::move(restarted);
  }
  EXPECT_GT(rotations, 20u);
}

}  // namespace
}  // namespace pillion::ca
