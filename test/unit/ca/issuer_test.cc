#include "source/ca/issuer.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <variant>

#include "source/ca/files.h"

namespace pillion::ca {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
const Terms kTerms = {.svid_ttl = absl::Hours(1), .ca_ttl = absl::Hours(24)};

class IssuerTest : public testing::Test {
 protected:
  IssuerTest() {
    std::string made = testing::TempDir() + "/caXXXXXX";
    base_ = mkdtemp(made.data());
    folder_ = base_ + "/deeper/ca";
  }
  ~IssuerTest() override { fs::remove_all(base_); }

  Store OpenStore() {
    absl::StatusOr<Store> store = Store::Open(folder_);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  Issuer MakeIssuer(const Store& store, const std::string& trust_domain = "demo.test") {
    absl::StatusOr<Authority> authority = store.Load(trust_domain);
    EXPECT_TRUE(authority.ok()) << authority.status();
    return Issuer(store, *std::move(authority), kTerms,
                  {*ParseWorkload("web", "demo.test"), *ParseWorkload("pay=ns/prod/pay", "demo.test")},
                  [this](const Supply& supply) {
                    supplied_.push_back(supply.workload.name + (supply.renewed ? " svid" : " bundle"));
                  });
  }
  void Step(Issuer& issuer, absl::Time now) {
    const absl::Status status = issuer.Step(now);
    EXPECT_TRUE(status.ok()) << status;
  }
  std::string File(const std::string& name) const {
    const absl::StatusOr<std::string> bytes = ReadWholeFile(folder_ + "/" + name);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.ok() ? *bytes : "";
  }
  identity::KeyPair PairOf(const std::string& name) const {
    auto pair = identity::ReadKeyPair(File("svids/" + name + "/svid.pem"), File("svids/" + name + "/key.pem"), "");
    EXPECT_TRUE(std::holds_alternative<identity::KeyPair>(pair));
    return std::get<identity::KeyPair>(std::move(pair));
  }
  int Roots() const { return sk_X509_num(identity::ReadCertificates(File("svids/web/bundle.pem"))->get()); }
  mode_t Mode(const std::string& name) const {
    struct stat found {};
    EXPECT_EQ(stat((folder_ + "/" + name).c_str(), &found), 0) << name;
    return found.st_mode & 0777;
  }
  void Overwrite(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ + "/" + name, std::ios::trunc) << bytes;
  }
  std::vector<std::string> Supplied() { return std::exchange(supplied_, {}); }

  std::string base_;
  std::string folder_;
  std::vector<std::string> supplied_;
};

TEST_F(IssuerTest, WritesFilesForEachWorkload) {
  const Store store = OpenStore();
  Issuer issuer = MakeIssuer(store);
  Step(issuer, kStart);
  EXPECT_THAT(Supplied(), ElementsAre("web svid", "pay svid"));
  EXPECT_EQ(identity::SubjectNames(PairOf("web").leaf())->front().text, "spiffe://demo.test/web");
  EXPECT_EQ(identity::SubjectNames(PairOf("pay").leaf())->front().text, "spiffe://demo.test/ns/prod/pay");
  EXPECT_EQ(Roots(), 1);
  EXPECT_EQ(Mode("state.pem"), 0600u);
  EXPECT_EQ(Mode("svids/web/key.pem"), 0600u);
  EXPECT_EQ(Mode("svids/web"), 0700u);
  Step(issuer, kStart + absl::Minutes(20));
  EXPECT_TRUE(Supplied().empty());
}

TEST_F(IssuerTest, ReplacesAllFilesInOneStep) {
  const Store store = OpenStore();
  Issuer issuer = MakeIssuer(store);
  Step(issuer, kStart);
  const std::string web = folder_ + "/svids/web";
  const fs::path first = fs::read_symlink(web + "/..data");
  EXPECT_EQ(fs::read_symlink(web + "/svid.pem"), "..data/svid.pem");
  EXPECT_EQ(fs::read_symlink(web + "/key.pem"), "..data/key.pem");
  fs::create_directory(web + "/..20left");  // by a process that was killed
  Overwrite("svids/web/mine", "mine");
  Step(issuer, kStart + absl::Minutes(30));
  EXPECT_THAT(Supplied(), ElementsAre("web svid", "pay svid", "web svid", "pay svid"));
  EXPECT_NE(fs::read_symlink(web + "/..data"), first);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(web)) names.push_back(entry.path().filename().string());
  EXPECT_THAT(names, UnorderedElementsAre("..data", fs::read_symlink(web + "/..data").string(), "svid.pem",
                                          "key.pem", "bundle.pem", "mine"));
}

TEST_F(IssuerTest, SurvivesARestart) {
  std::string bundle, serial;
  {
    const Store store = OpenStore();
    Issuer issuer = MakeIssuer(store);
    Step(issuer, kStart);
    bundle = File("svids/web/bundle.pem");
    serial = identity::SerialText(PairOf("web").leaf());
  }
  const Store store = OpenStore();
  Issuer issuer = MakeIssuer(store, "");  // the trust domain is known
  Step(issuer, kStart + absl::Minutes(1));
  EXPECT_EQ(File("svids/web/bundle.pem"), bundle);
  EXPECT_NE(identity::SerialText(PairOf("web").leaf()), serial);
  EXPECT_EQ(store.Load("demo.test")->roots()[0].last_svid_ends, kStart + absl::Minutes(61));
}

TEST_F(IssuerTest, BundlesAreThereBeforeTheNewRootSigns) {
  const Store store = OpenStore();
  Issuer issuer = MakeIssuer(store);
  std::map<int, int> steps;  // by how many roots there are
  absl::Time now = kStart;
  for (; now < kStart + absl::Hours(24); now += absl::Minutes(7)) {
    Step(issuer, now);
    ++steps[Roots()];
    const identity::KeyPair pair = PairOf("web");
    ASSERT_GT(identity::NotAfter(pair.leaf()), now + absl::Minutes(24));
    bool trusted = false;
    const auto bundle = identity::ReadCertificates(File("svids/web/bundle.pem"));
    for (int i = 0; i < sk_X509_num(bundle->get()); ++i) {
      trusted = trusted || X509_verify(pair.leaf(), X509_get0_pubkey(sk_X509_value(bundle->get(), i))) == 1;
    }
    ASSERT_TRUE(trusted) << now;
  }
  EXPECT_THAT(Supplied(), testing::Contains("web bundle"));
  EXPECT_GT(steps[1], 150);
  EXPECT_GT(steps[2], 5 * 60 / 7 - 5);  // four hours beforehand, and about one after
  EXPECT_EQ(steps.size(), 2u);
}

TEST_F(IssuerTest, TriesAgainWhatFailed) {
  const Store store = OpenStore();
  Issuer issuer = MakeIssuer(store);
  Step(issuer, kStart);
  Supplied();
  const std::string before = File("svids/web/svid.pem");
  fs::create_directory(folder_ + "/state.pem.new");  // in the way
  const absl::Time later = kStart + absl::Minutes(40);
  const absl::Status status = issuer.Step(later);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("state.pem.new: open"));
  EXPECT_TRUE(Supplied().empty());
  EXPECT_EQ(File("svids/web/svid.pem"), before) << "nobody has what the state does not know of";
  fs::remove(folder_ + "/state.pem.new");
  Step(issuer, later);
  EXPECT_THAT(Supplied(), ElementsAre("web svid", "pay svid"));
}

TEST_F(IssuerTest, OneProcessAtATime) {
  const Store store = OpenStore();
  const absl::StatusOr<Store> second = Store::Open(folder_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(std::string(second.status().message()),
            folder_ + ": another process uses it, process " + std::to_string(getpid()));
}

TEST_F(IssuerTest, RefusesADamagedStateAndLeavesIt) {
  {
    const Store store = OpenStore();
    Issuer issuer = MakeIssuer(store);
    Step(issuer, kStart);
  }
  const Store store = OpenStore();
  const std::string whole = File("state.pem"), path = folder_ + "/state.pem";
  const std::string damaged = whole.substr(0, whole.size() / 2);
  Overwrite("state.pem", damaged);
  const auto error_of = [&](const std::string& trust_domain) {
    const absl::StatusOr<Authority> loaded = store.Load(trust_domain);
    return loaded.ok() ? "none" : std::string(loaded.status().message());
  };
  EXPECT_THAT(error_of("demo.test"), testing::StartsWith(path + ": line "));
  EXPECT_EQ(File("state.pem"), damaged);
  Overwrite("state.pem", whole);
  EXPECT_EQ(error_of("demo.test"), "none");
  EXPECT_EQ(error_of("other.test"), path + ": is of the trust domain \"demo.test\", not \"other.test\"");
  chmod(path.c_str(), 0640);
  EXPECT_THAT(error_of("demo.test"), HasSubstr("expected mode 0600"));
  fs::remove(path);
  EXPECT_THAT(error_of("demo.test"), testing::StartsWith(path + ": is missing"));
}

TEST_F(IssuerTest, ANewCaNeedsATrustDomain) {
  const Store store = OpenStore();
  EXPECT_THAT(std::string(store.Load("").status().message()), HasSubstr("--trust-domain"));
  EXPECT_THAT(std::string(store.Load("a/b").status().message()), HasSubstr("\"a/b\" is no trust domain"));
}

}  // namespace
}  // namespace pillion::ca
