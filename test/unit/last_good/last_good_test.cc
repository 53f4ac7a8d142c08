#include "source/last_good/last_good.h"

#include <gmock/gmock.h>

#include "source/last_good/format.h"
#include "test/support/certificates.h"
#include "test/unit/last_good/folder.h"
#include "test/unit/last_good/process.h"

namespace pillion::last_good {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using xds::Kind;
using Held = std::map<std::string, std::string>;
using Protocol = config::ApiSource::Protocol;

class LastGoodTest : public testing::Test {
 protected:
  State InFile() {
    absl::StatusOr<State> state = Parse(ReadAll(path_), {"me", "us"});
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? *std::move(state) : State();
  }
  // "a:1 b:2 c(why)"
  std::string InFile(Kind kind) {
    std::string text;
    const State state = InFile();
    const auto found = state.sections.find({"ads:cp", kind});
    if (found == state.sections.end()) return "no section";
    for (const auto& [name, kept] : found->second.kept) text += name + ":" + kept.version + " ";
    for (const auto& [name, why] : found->second.left_out) text += name + "(" + why + ") ";
    return text;
  }
  // A process with clusters a and b, endpoints of a, and a listener l, that has written them.
  void WriteSome() {
    Process process(clock_, path_);
    process.WantClusters();
    process.Answer(Kind::kClusters, {{"a", Cluster("a")}, {"b", Cluster("b")}});
    process.Want(Kind::kEndpoints, "a");
    process.Answer(Kind::kEndpoints, {{"a", Endpoints("a")}});
    process.WantListeners();
    process.Answer(Kind::kListeners, {{"l", Listener("l")}});
    process.last_good.Start();
    process.Write();
    clock_.Advance(hours(3) + minutes(12));
  }

  const Folder folder_;
  const std::string path_ = folder_ / "state";
  test::SimulatedClock clock_;
};

TEST_F(LastGoodTest, IsWrittenWhenSomethingHasChanged) {
  Process process(clock_, path_);
  EXPECT_THAT(process.Log(), ElementsAre("info: there is no " + path_ + " yet"));
  process.WantClusters();
  process.Answer(Kind::kClusters, {{"a", Cluster("a")}});
  process.Pass(minutes(1));
  EXPECT_FALSE(process.offload->busy());  // the start is not over: what is not there may still come
  process.last_good.Start();
  process.Write();
  EXPECT_EQ(InFile(Kind::kClusters), "a:1 ");
  EXPECT_EQ(InFile(Kind::kListeners), "no section");
  // The same once more is no change, nor is one that is refused.
  Process& same = process;
  --same.nonce;
  same.Answer(Kind::kClusters, {{"a", Cluster("a")}});
  process.clusters.refused = {"b"};
  process.Answer(Kind::kClusters, {{"b", Cluster("b")}});
  process.Pass(minutes(1));
  EXPECT_FALSE(process.offload->busy());
  // Changes that come together are written together.
  process.Answer(Kind::kClusters, {{"c", Cluster("c")}});
  process.Pass(LastGood::kGather / 2);
  process.Answer(Kind::kClusters, {}, {"a"});
  process.Pass(LastGood::kGather / 2);
  ASSERT_TRUE(process.offload->busy());
  process.Answer(Kind::kClusters, {{"d", Cluster("d")}});  // while it is being written
  process.Pass(minutes(1));
  process.offload->Finish();
  EXPECT_EQ(InFile(Kind::kClusters), "c:3 ");
  process.Pass(minutes(20));
  process.offload->Finish();
  EXPECT_EQ(InFile(Kind::kClusters), "c:3 d:5 ");
  EXPECT_EQ(process.Figure("writes"), 3);
  EXPECT_EQ(process.Figure("age_seconds"), 0);
}

TEST_F(LastGoodTest, NotMoreThanAShareOfTheTimeIsSpentWriting) {
  Process process(clock_, path_);
  process.WantClusters();
  process.last_good.Start();
  process.Answer(Kind::kClusters, {{"a", Cluster("a")}});
  process.Pass(LastGood::kGather);
  process.Pass(seconds(10));  // so long it takes
  process.offload->Finish();
  process.Answer(Kind::kClusters, {{"b", Cluster("b")}});
  process.Pass(LastGood::kShare * seconds(10) - seconds(1));
  EXPECT_FALSE(process.offload->busy());
  process.Pass(seconds(1));
  EXPECT_TRUE(process.offload->busy());
}

TEST_F(LastGoodTest, WhatIsDueAtTheEndIsWritten) {
  {
    Process process(clock_, path_);
    process.WantClusters();
    Wanted& endpoints = process.Want(Kind::kEndpoints, "a");
    process.last_good.Start();
    process.Answer(Kind::kClusters, {{"a", Cluster("a")}});
    process.Answer(Kind::kEndpoints, {{"a", Endpoints("a")}});
    process.last_good.WriteNow();
    process.Pass();
    EXPECT_TRUE(process.offload->busy());
    process.Answer(Kind::kClusters, {{"b", Cluster("b")}});
    process.last_good.Stop();
    EXPECT_EQ(InFile(Kind::kClusters), "a:1 b:3 ");
    // All that is taken down then is of no account.
    process.planes.Named(process.source, Kind::kEndpoints).Unwatch("a", endpoints);
    process.Answer(Kind::kClusters, {}, {"a", "b"});
    process.Pass(minutes(20));
    process.last_good.Stop();
  }
  EXPECT_EQ(InFile(Kind::kClusters), "a:1 b:3 ");
  EXPECT_EQ(InFile(Kind::kEndpoints), "a:2 ");
  // One that ends before it had begun to serve has nothing to say.
  Process process(clock_, path_);
  process.WantClusters();
  process.Answer(Kind::kClusters, {});
  process.last_good.Stop();
  EXPECT_EQ(InFile(Kind::kClusters), "a:1 b:3 ");
}

TEST_F(LastGoodTest, AControlPlaneThatIsAway) {
  WriteSome();
  Process process(clock_, path_);
  EXPECT_THAT(process.Log(), ElementsAre("info: " + path_ + " of 3 h 12 min ago: 2 clusters, 1 assignment, 1 listener"));
  process.WantClusters();
  EXPECT_THAT(process.clusters.held, IsEmpty());
  process.Fail();
  process.Pass();
  EXPECT_EQ(process.clusters.held, (Held{{"a", "1"}, {"b", "1"}}));
  EXPECT_THAT(process.Log(), ElementsAre("warn: serving from " + path_ +
                                         " of 3 h 12 min ago: 2 clusters, 1 assignment, 1 listener of ads:cp, which does not "
                                         "answer"));
  // What is wanted later, too; and each thing once.
  Wanted& a = process.Want(Kind::kEndpoints, "a");
  Wanted& b = process.Want(Kind::kEndpoints, "b");
  process.WantListeners();
  EXPECT_THAT(a.versions, IsEmpty());  // not from within
  process.Pass();
  EXPECT_THAT(a.versions, ElementsAre("2"));
  EXPECT_THAT(b.versions, IsEmpty());
  EXPECT_EQ(process.listeners.held, (Held{{"l", "3"}}));
  process.Pass(minutes(10));
  EXPECT_EQ(process.clusters.updates, 1);
  EXPECT_THAT(a.versions, ElementsAre("2"));
  EXPECT_EQ(process.Figure("restored"), 4);
  EXPECT_EQ(process.Figure("age_seconds"), 3 * 3600 + 22 * 60);
  EXPECT_THAT(process.Log(), IsEmpty());
  // The next try tells what there is, so that differences to it can be told.
  EXPECT_THAT(process.Sent(), ElementsAre("Cluster node {a:1} {b:1}", "ClusterLoadAssignment node +a +b {a:2}",
                                          "Listener node {l:3}"));
}

TEST_F(LastGoodTest, AControlPlaneThatSaysNothing) {
  WriteSome();
  Process process(clock_, path_);
  process.WantClusters();
  process.Pass(process.last_good.silent_after() - seconds(1));
  EXPECT_THAT(process.clusters.held, IsEmpty());
  process.Pass(seconds(1));
  EXPECT_EQ(process.clusters.held, (Held{{"a", "1"}, {"b", "1"}}));
  // It was asked without a word of that; so it is asked anew.
  EXPECT_FALSE(process.caller.open());
  process.Pass(xds::Stream::kSoonTo);
  EXPECT_EQ(process.caller.size(), 2u);
  EXPECT_THAT(process.Sent(), ElementsAre("Cluster node {a:1} {b:1}"));
  process.Pass(minutes(10));
  EXPECT_EQ(process.caller.size(), 2u);
}

TEST_F(LastGoodTest, WhatIsSaidBeatsTheFile) {
  WriteSome();
  Process process(clock_, path_);
  process.WantClusters();
  process.Fail();
  process.Pass();
  Wanted& a = process.Want(Kind::kEndpoints, "a");
  process.Pass(seconds(1));
  process.Log();
  process.Answer(Kind::kClusters, {{"c", Cluster("c")}}, {"b"});
  EXPECT_EQ(process.clusters.held, (Held{{"a", "1"}, {"c", "1"}}));
  EXPECT_THAT(process.Log(), ElementsAre("info: ads:cp answers: what it gives takes the place of what was used of " + path_));
  EXPECT_EQ(process.Figure("restored"), 0);
  EXPECT_EQ(process.Figure("age_seconds"), 0);
  // A kind that was answered for is not restored, whatever happens; another one is.
  process.Fail();
  process.WantListeners();
  process.Pass();
  EXPECT_EQ(process.clusters.held, (Held{{"a", "1"}, {"c", "1"}}));
  EXPECT_EQ(process.listeners.held, (Held{{"l", "3"}}));
  EXPECT_THAT(a.versions, ElementsAre("2"));
  // So it is with what is written.
  process.last_good.Start();
  process.Write();
  EXPECT_EQ(InFile(Kind::kClusters), "a:1 c:1 ");
  EXPECT_EQ(InFile(Kind::kListeners), "l:3 ");
  EXPECT_EQ(InFile(Kind::kEndpoints), "a:2 ");
}

TEST_F(LastGoodTest, WhatIsNotNeededAnyMoreIsForgotten) {
  WriteSome();
  Process process(clock_, path_);
  process.WantClusters();
  process.Answer(Kind::kClusters, {{"a", Cluster("a")}, {"b", Cluster("b")}});
  EXPECT_NE(process.last_good.UnusableOf({"ads:cp", Kind::kClusters}), nullptr);
  process.last_good.Start();
  EXPECT_EQ(process.last_good.UnusableOf({"ads:cp", Kind::kClusters}), nullptr);
  EXPECT_NE(process.last_good.UnusableOf({"ads:cp", Kind::kListeners}), nullptr);
}

TEST_F(LastGoodTest, AStateOfTheWorldBeatsTheFile) {
  WriteSome();
  Process process(clock_, path_, false, Protocol::kStateOfTheWorld);
  process.WantClusters();
  process.Pass(process.last_good.silent_after());
  EXPECT_EQ(process.clusters.held, (Held{{"a", "1"}, {"b", "1"}}));
  EXPECT_TRUE(process.caller.open());  // all comes in any case
  EXPECT_THAT(process.Sent(), ElementsAre("Cluster node"));
  xds::DiscoveryResponse response;
  response.set_type_url(xds::Url(xds::kClusters));
  response.set_version_info("7");
  *response.add_resources() = Cluster("a");
  process.caller.Answer(response.SerializeAsString());
  EXPECT_EQ(process.clusters.held, (Held{{"a", "7"}}));
  EXPECT_TRUE(process.clusters.last.resources.at(0).same);
}

// Nobody waits for what is not in the file, while it stands for the control plane.
TEST_F(LastGoodTest, WhatTheFileHasNotIsNotWaitedFor) {
  WriteSome();
  Process process(clock_, path_);
  Wanted& early = process.Want(Kind::kSecrets, "early");
  EXPECT_EQ(early.given_up, 0);
  process.Fail();
  process.Pass();
  EXPECT_EQ(early.given_up, 1);
  Wanted& late = process.Want(Kind::kEndpoints, "late");
  process.Pass();
  EXPECT_EQ(late.given_up, 1);
  EXPECT_TRUE(late.versions.empty());
  EXPECT_EQ(process.Want(Kind::kEndpoints, "a").given_up, 0);
  process.Pass();
  EXPECT_EQ(process.wanteds.back().given_up, 0);  // the file has that
  EXPECT_EQ(process.wanteds.back().versions.size(), 1u);
  process.Pass(minutes(1));  // it is asked again
  process.Answer(Kind::kEndpoints, {{"late", Endpoints("late")}});
  EXPECT_THAT(late.versions, testing::Not(IsEmpty()));
}

// Without a file all are waited for, as ever.
TEST_F(LastGoodTest, WithoutAFileNothingIsGivenUp) {
  Process process(clock_, path_);
  process.WantClusters();
  Wanted& secret = process.Want(Kind::kSecrets, "s");
  process.Fail();
  process.Pass(seconds(1));
  EXPECT_EQ(secret.given_up, 0);
}

TEST_F(LastGoodTest, ARestoredStateIsNotWrittenAnew) {
  WriteSome();
  const std::string before = ReadAll(path_);
  Process process(clock_, path_);
  process.WantClusters();
  process.Fail();
  process.Pass();
  process.last_good.Start();
  process.Pass(minutes(10));
  process.last_good.Stop();
  EXPECT_EQ(ReadAll(path_), before);
  EXPECT_EQ(process.Figure("writes"), 0);
}

TEST_F(LastGoodTest, WhatIsRefusedNowIsLeftOut) {
  WriteSome();
  Process process(clock_, path_);
  process.clusters.refused = {"b"};
  process.WantClusters();
  process.Fail();
  process.Pass();
  EXPECT_EQ(process.clusters.held, (Held{{"a", "1"}}));
  EXPECT_THAT(process.Log(), testing::Contains("warn: " + path_ + ", ads:cp: not used: cluster \"b\" (is bad; and worse)"));
  EXPECT_EQ(process.Figure("refused"), 1);
  EXPECT_EQ(process.Figure("restored"), 1);
  EXPECT_EQ(process.last_good.UnusableOf({"ads:cp", Kind::kClusters})->left_out.at("b"), "is bad; and worse");
  EXPECT_THAT(*process.last_good.RestoredOf({"ads:cp", Kind::kClusters}), ElementsAre("a"));
}

TEST_F(LastGoodTest, FilesThatCantBeUsed) {
  WriteSome();
  const std::string good = ReadAll(path_);
  const auto refusal = [this](const Owner& owner = {"me", "us"}) {
    Process process(clock_, path_, false, Protocol::kDelta, owner);
    EXPECT_THAT(process.Log(), ElementsAre("warn: " + path_ + ": " + process.last_good.refused() +
                                           "; the start goes on without it"));
    EXPECT_EQ(process.Figure("refused"), 1);
    process.WantClusters();
    process.Fail();
    process.Pass();
    EXPECT_THAT(process.clusters.held, IsEmpty());
    return process.last_good.refused();
  };
  EXPECT_THAT(refusal({"you", "us"}), HasSubstr("is of node \"me\""));
  WriteAll(path_, good.substr(0, good.size() / 2));
  EXPECT_THAT(refusal(), HasSubstr("is damaged"));
  WriteAll(path_, good);
  std::filesystem::permissions(path_, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  EXPECT_EQ(refusal(), "has mode 0640, expected no rights of group and others, as 0600");
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_EQ(refusal(), "is not a regular file");
}

TEST_F(LastGoodTest, ADamagedFileIsWrittenAnew) {
  WriteAll(path_, "pillion last good 1\nxxx");
  Process process(clock_, path_);
  process.WantClusters();
  process.Answer(Kind::kClusters, {{"a", Cluster("a")}});
  process.last_good.Start();
  process.Write();
  EXPECT_EQ(InFile(Kind::kClusters), "a:1 ");
}

TEST_F(LastGoodTest, AWriteThatFails) {
  WriteAll(path_, "precious");
  Process process(clock_, path_);
  process.Log();
  process.WantClusters();
  process.last_good.Start();
  process.Answer(Kind::kClusters, {{"a", Cluster("a")}});
  process.Write();
  EXPECT_THAT(process.Log(), ElementsAre("warn: " + path_ + ": is no file of last good state, and is left as it is; it is "
                                         "tried again, nothing else is affected"));
  // It is tried again, and said once.
  for (int64_t failures = 1; failures < 4; ++failures) {
    EXPECT_EQ(process.Figure("write_failures"), failures);
    process.Pass(LastGood::kAgain - seconds(1));
    EXPECT_FALSE(process.offload->busy());
    process.Pass(seconds(1));
    ASSERT_TRUE(process.offload->busy());
    process.offload->Finish();
  }
  EXPECT_THAT(process.Log(), IsEmpty());
  EXPECT_THAT(process.last_good.last_write()->error, HasSubstr("is no file of last good state"));
  EXPECT_EQ(ReadAll(path_), "precious");
  std::filesystem::remove(path_);
  process.Pass(LastGood::kAgain);
  process.offload->Finish();
  EXPECT_THAT(process.Log(), ElementsAre("info: " + path_ + ": is written again"));
  EXPECT_EQ(InFile(Kind::kClusters), "a:1 ");
  EXPECT_EQ(process.Figure("writes"), 1);
  EXPECT_EQ(process.last_good.last_write()->error, "");
}

TEST_F(LastGoodTest, WhatEndsByItselfIsNotKept) {
  Process process(clock_, path_);
  process.WantClusters();
  process.last_good.Start();
  xds::DeltaDiscoveryResponse response = xds::Delta(xds::kClusters, "n", {{"a", "1"}, {"b", "1"}});
  response.mutable_resources(1)->mutable_ttl()->set_seconds(100);
  process.caller.Answer(response.SerializeAsString());
  process.Write();
  EXPECT_EQ(InFile(Kind::kClusters), "a:1 b(it ends by itself: it has a ttl) ");
}

// A listener with a key in it; that of a file is another thing.
class SecretsTest : public LastGoodTest {
 protected:
  static std::string Quoted(const std::string& pem) {
    std::string text = "\"";
    for (const char c : pem) text += c == '\n' ? std::string("\\n") : std::string(1, c);
    return text + "\"";
  }
  google::protobuf::Any WithKey() const {
    return Listener("secure",
                    ", filter_chains: [{transport_socket: {name: tls, typed_config: {'@type': "
                    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, common_tls_context: "
                    "{tls_certificates: [{certificate_chain: {inline_string: " + Quoted(leaf_.pem()) +
                        "}, private_key: {inline_string: " + Quoted(leaf_.key_pem()) + "}}]}}}}]");
  }
  void Write(bool include_secrets) {
    Process process(clock_, path_, include_secrets);
    process.WantListeners();
    process.last_good.Start();
    process.Answer(Kind::kListeners, {{"secure", WithKey()}, {"plain", Listener("plain")}});
    process.Write();
  }
  // What a process has after a start without its control plane.
  Held Restored(bool include_secrets) {
    Process process(clock_, path_, include_secrets);
    process.WantListeners();
    process.Fail();
    process.Pass();
    log_ = process.Log();
    return process.listeners.held;
  }

  const test::Issued leaf_ = test::IssueCertificate({});
  const std::string place_ =
      "filter_chains[0].transport_socket.typed_config.common_tls_context.tls_certificates[0]";
  Lines log_;
};

TEST_F(SecretsTest, WithoutThemItsListenerIsLeftOut) {
  Write(false);
  EXPECT_EQ(InFile(Kind::kListeners), "plain:1 secure(its " + place_ + ".private_key is a secret: include_secrets is not set) ");
  EXPECT_THAT(ReadAll(path_), Not(HasSubstr("PRIVATE KEY")));
  EXPECT_EQ(Restored(true), (Held{{"plain", "1"}}));
  EXPECT_THAT(log_.back(), HasSubstr("of ads:cp, which does not answer; left out: listener \"secure\" (its " + place_));
}

TEST_F(SecretsTest, WithThem) {
  Write(true);
  EXPECT_EQ(InFile(Kind::kListeners), "plain:1 secure:1 ");
  EXPECT_EQ(Restored(true), (Held{{"plain", "1"}, {"secure", "1"}}));
  for (const std::string& line : log_) EXPECT_THAT(line, Not(HasSubstr("PRIVATE KEY")));
  // Who does not want them any more does not use them.
  EXPECT_EQ(Restored(false), (Held{{"plain", "1"}}));
  EXPECT_THAT(log_.back(), HasSubstr("not used: listener \"secure\" (its " + place_ + ".private_key is a secret"));
}

TEST_F(SecretsTest, WhatHasEndedIsNotUsed) {
  Write(true);
  clock_.JumpWall(hours(24 * 365 * 100));
  EXPECT_EQ(Restored(true), (Held{{"plain", "1"}}));
  EXPECT_THAT(log_.back(), HasSubstr("not used: listener \"secure\" (its " + place_ + " ended at 20"));
}

TEST_F(SecretsTest, WhatNobodyKnowsIsNotWritten) {
  envoy::config::cluster::v3::Cluster cluster;
  cluster.set_name("a");
  cluster.GetReflection()->MutableUnknownFields(&cluster)->AddLengthDelimited(9999, "token");
  {
    Process process(clock_, path_);
    process.WantClusters();
    process.last_good.Start();
    process.Answer(Kind::kClusters, {{"a", config::AnyOf(cluster)}, {"b", Cluster("b")}});
    process.Write();
    EXPECT_EQ(process.last_good.contents().at({"ads:cp", Kind::kClusters}).kept.at("a").version, "1");
  }
  EXPECT_THAT(ReadAll(path_), Not(HasSubstr("token")));
  // A control plane is to give it anew.
  EXPECT_EQ(InFile(Kind::kClusters), "a: b:1 ");
}

}  // namespace
}  // namespace pillion::last_good
