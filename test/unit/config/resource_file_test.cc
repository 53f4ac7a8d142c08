// Files of subscriptions.

#include "source/config/resource_file.h"

#include <gmock/gmock.h>

#include <fstream>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "test/unit/config/pushed.h"

namespace pillion::config {
namespace {

using ::testing::HasSubstr;

std::string File(const std::string& text) {
  const std::string path = testing::TempDir() + "/resources.yaml";
  std::ofstream(path) << text;
  return path;
}

TEST(ResourceFileTest, EachResourceIsJudgedByItself) {
  const std::string type = "'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster";
  const std::string path = File(
      "version_info: '7'\n"
      "resources:\n"
      "- {" + type + ", name: good}\n"
      "- {" + type + ", name: bad, conect_timeout: 1s}\n"
      "- {'@type': type.googleapis.com/no.Such}\n"
      "- {" + type + ", name: worse, connect_timeout: 0s}\n");
  const ResourceFile file = ReadResourceFile(path, {});
  EXPECT_EQ(file.version, "7");
  EXPECT_EQ(Text(file.errors), "");
  ASSERT_EQ(file.items.size(), 4u);
  EXPECT_EQ(Text(file.items[0].errors), "");
  EXPECT_EQ(NameOf(file.items[0].resource), "good");
  EXPECT_EQ(Text(file.items[1].errors), path + ":4: unknown field \"conect_timeout\", did you mean \"connect_timeout\"?");
  EXPECT_THAT(Text(file.items[2].errors), HasSubstr("unknown type \"type.googleapis.com/no.Such\""));
  EXPECT_THAT(Text(file.items[3].errors), HasSubstr(path + ": connect_timeout: 0s, expected"));

  const Process process;
  EXPECT_NE(process.resources->BuildCluster(file.items[0].resource, PathSource{path, ""}).part, nullptr);
}

TEST(ResourceFileTest, AListOfResourcesAlone) {
  const std::string type = "'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster";
  const std::string path = File("- {" + type + ", name: good}\n- {" + type + ", name: bad, conect_timeout: 1s}\n");
  const ResourceFile file = ReadResourceFile(path, {});
  EXPECT_EQ(Text(file.errors), "");
  ASSERT_EQ(file.items.size(), 2u);
  EXPECT_EQ(NameOf(file.items[0].resource), "good");
  EXPECT_EQ(Text(file.items[1].errors), path + ":2: unknown field \"conect_timeout\", did you mean \"connect_timeout\"?");
}

TEST(ResourceFileTest, WhatIsNoSuchFile) {
  EXPECT_THAT(Text(ReadResourceFile("/not/there", {}).errors), HasSubstr("/not/there: "));
  EXPECT_FALSE(ReadResourceFile(File("resources: [{"), {}).errors.empty());
  const ResourceFile file = ReadResourceFile(File("resourcs: []"), {});
  EXPECT_THAT(Text(file.errors), HasSubstr("unknown field \"resourcs\""));
  EXPECT_TRUE(file.items.empty());
}

}  // namespace
}  // namespace pillion::config
