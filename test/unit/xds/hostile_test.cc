// What a control plane should not say, in both forms.

#include <gtest/gtest.h>

#include "source/base/random.h"
#include "source/xds/type_protocol.h"
#include "test/support/simulated_clock.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

using google::protobuf::Any;

class HostileTest : public testing::TestWithParam<Form> {
 protected:
  HostileTest() {
    named_.Subscribe("a");
    named_.Subscribe("b");
    all_.NextRequest(nullptr);
    named_.NextRequest(nullptr);
    google::protobuf::SetLogHandler(nullptr);  // it speaks of texts that are no UTF-8
  }

  // An answer with these bodies; in differences under these names.
  Answer Of(const std::string& type_name, const std::vector<std::pair<std::string, Any>>& resources) {
    if (GetParam() == Form::kState) {
      DiscoveryResponse response = State(type_name, "v", "n", {});
      for (const auto& [name, body] : resources) *response.add_resources() = body;
      return *ReadAnswer(Form::kState, response.SerializeAsString());
    }
    DeltaDiscoveryResponse response = Delta(type_name, "n", {});
    for (const auto& [name, body] : resources) {
      response.add_resources()->set_name(name);
      response.mutable_resources()->rbegin()->set_version("v");
      *response.mutable_resources()->rbegin()->mutable_resource() = body;
    }
    return *ReadAnswer(Form::kDelta, response.SerializeAsString());
  }
  // Where the form gives no name around it, the place stands for it.
  std::string Named(const std::string& name, int place) const {
    return GetParam() == Form::kDelta ? "\"" + name + "\"" : "resources[" + std::to_string(place) + "]";
  }

  test::SimulatedClock clock_;
  Wanter cluster_, endpoint_;
  TypeProtocol all_{GetParam(), kClusters, true, cluster_, clock_};
  TypeProtocol named_{GetParam(), kEndpoints, false, endpoint_, clock_};
};

// M1
TEST_P(HostileTest, AnAnswerOfAnotherType) {
  EXPECT_EQ(all_.Take(Of(kListeners, {{"a", Body(kListeners, "a")}})),
            "type_url: \"type.googleapis.com/envoy.config.listener.v3.Listener\", expected "
            "\"type.googleapis.com/envoy.config.cluster.v3.Cluster\"");
  EXPECT_EQ(cluster_.updates, 0);
}

// M2
TEST_P(HostileTest, AResourceOfAnotherType) {
  const std::string error = all_.Take(Of(kClusters, {{"a", Body("x.Y", "a")}, {"b", Body(kClusters, "b")}}));
  EXPECT_EQ(error, Named("a", 0) + ": \"type.googleapis.com/x.Y\", expected \"" + Url(kClusters) + "\"");
  EXPECT_EQ(cluster_.changed(), std::vector<std::string>{"b"});
}

TEST_P(HostileTest, BytesThatAreNoResource) {
  const std::string whole = Body(kClusters, "a", "content").value();
  for (const std::string& bytes : {std::string("\xff\xff\xff"), whole.substr(0, whole.size() - 1), std::string("\x0a\x7f"),
                                   std::string("\x0b"), std::string("\x08\xff"), std::string(1, '\0'), std::string(),
                                   std::string("\x0a\x02\xc3\x28"), std::string("\x0a\xff\xff\xff\xff\xff\xff")}) {
    Any body = Body(kClusters, "a");
    body.set_value(bytes);
    EXPECT_EQ(all_.Take(Of(kClusters, {{"a", body}, {"b", Body(kClusters, "b")}})),
              Named("a", 0) + ": bytes that are no " + kClusters + " with a name");
    EXPECT_EQ(cluster_.changed(), std::vector<std::string>{"b"});
  }
}

// M4
TEST_P(HostileTest, ANameTwice) {
  all_.Take(Of(kClusters, {{"a", Body(kClusters, "a", "first")}, {"b", Body(kClusters, "b")}}));
  const std::string error = all_.Take(Of(kClusters, {{"a", Body(kClusters, "a", "1")},
                                                     {"c", Body(kClusters, "c")},
                                                     {"a", Body(kClusters, "a", "2")},
                                                     {"b", Body(kClusters, "b")},
                                                     {"a", Body(kClusters, "a", "3")}}));
  EXPECT_EQ(error, "\"a\": twice in one answer, expected once");
  EXPECT_EQ(cluster_.contents.at("a"), "first");
  EXPECT_TRUE(cluster_.held.contains("c"));
  // Of what nobody wants it is no matter.
  EXPECT_EQ(named_.Take(Of(kEndpoints, {{"x", Body(kEndpoints, "x")}, {"x", Body(kEndpoints, "x")}})), "");
}

// What goes back, and what is remembered, has bounds, whatever comes.
TEST_P(HostileTest, ThousandsThatAreBad) {
  std::vector<std::pair<std::string, Any>> resources;
  for (int i = 0; i < 5000; ++i) {
    const std::string name = std::to_string(i);
    resources.emplace_back(name, Body(kClusters, name, "bad" + std::string(1000, 'x')));
  }
  const std::string error = all_.Take(Of(kClusters, resources));
  EXPECT_LT(error.size(), 5000u);
  EXPECT_TRUE(error.ends_with(" more")) << error.substr(error.size() - 30);
  EXPECT_EQ(all_.refused().all().size(), Refused::kMost);
  EXPECT_TRUE(all_.refused().all().contains("4999"));
  resources.clear();
  for (int i = 0; i < 3; ++i) {
    const std::string name = std::to_string(i);
    resources.emplace_back(name, Body(kClusters, name, "bad" + std::string(Refused::kMostBodies * 2 / 5, 'x')));
  }
  all_.Take(Of(kClusters, resources));
  EXPECT_NE(all_.refused().all().at("1").body, nullptr);
  EXPECT_EQ(all_.refused().all().at("2").body, nullptr);
  EXPECT_EQ(all_.refused().all().at("2").details, "is bad; and worse");
}

// M23
TEST_P(HostileTest, DeeplyNestedBytes) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    std::string outer = "\x12";
    for (size_t size = bytes.size(); ; size >>= 7) {
      outer += static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
      if (size <= 0x7f) break;
    }
    bytes = outer + bytes;
  }
  Any body = Body(kClusters, "a");
  body.set_value(body.value() + bytes);
  EXPECT_EQ(NameWithin(body.value()), "a");  // who takes it apart may refuse it
  EXPECT_EQ(all_.Take(Of(kClusters, {{"a", body}})), "");
}

TEST_P(HostileTest, ASignOfLifeOfNothing) {
  if (GetParam() == Form::kState) {
    DiscoveryResponse response = State(kClusters, "v", "n", {});
    envoy::service::discovery::v3::Resource resource;
    resource.set_name("a");
    response.add_resources()->PackFrom(resource);
    response.add_resources()->PackFrom(envoy::service::discovery::v3::Resource());
    const auto answer = ReadAnswer(Form::kState, response.SerializeAsString());
    EXPECT_EQ(all_.Take(*answer), "resources[1]: no name; \"a\": no resource, and version \"v\" was not taken");
  } else {
    DeltaDiscoveryResponse response = Delta(kClusters, "n", {{"a", "1"}, {"b", "1"}});
    response.mutable_resources(0)->clear_resource();
    EXPECT_EQ(all_.Take(*ReadAnswer(Form::kDelta, response.SerializeAsString())),
              "\"a\": no resource, and version \"1\" was not taken");
    EXPECT_TRUE(cluster_.held.contains("b"));
  }
}

// Whatever bytes come: each that is an answer is replied to by a request that can be read, and what is held was given.
TEST_P(HostileTest, AnyBytes) {
  base::Random random(7);
  std::string seed = GetParam() == Form::kState
                         ? State(kClusters, "1", "n1", {"a", "b", "c"}).SerializeAsString()
                         : Delta(kClusters, "n1", {{"a", "1"}, {"b", "1"}}, {"c"}).SerializeAsString();
  int answers = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string bytes = seed;
    for (uint64_t changes = 1 + random.Below(4); changes > 0; --changes) {
      const size_t at = random.Below(bytes.size());
      switch (random.Below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random.Next());
          break;
        case 1:
          bytes.insert(at, 1, static_cast<char>(random.Next()));
          break;
        case 2:
          bytes.erase(at, 1 + random.Below(3));
          break;
        case 3:
          bytes += bytes.substr(at);
          break;
      }
      if (bytes.empty()) bytes = "x";
    }
    const std::optional<Answer> answer = ReadAnswer(GetParam(), bytes);
    if (!answer) continue;
    ++answers;
    const std::string error = all_.Take(*answer);
    const std::string reply = all_.Reply(answer->nonce, error, nullptr);
    if (GetParam() == Form::kState) {
      ASSERT_EQ(Parse<DiscoveryRequest>(reply).has_error_detail(), !error.empty());
    } else {
      ASSERT_EQ(Parse<DeltaDiscoveryRequest>(reply).has_error_detail(), !error.empty());
    }
    std::set<std::string> held, given;
    for (const auto& [name, one] : all_.holdings().all()) held.insert(name);
    for (const auto& [name, version] : cluster_.held) given.insert(name);
    ASSERT_EQ(held, given);
  }
  EXPECT_GT(answers, 1000);
}

INSTANTIATE_TEST_SUITE_P(Forms, HostileTest, testing::Values(Form::kState, Form::kDelta),
                         [](const auto& info) { return info.param == Form::kState ? "State" : "Delta"; });

}  // namespace
}  // namespace pillion::xds
