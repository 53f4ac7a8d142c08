#include "source/admin/message.h"

#include <gtest/gtest.h>

#include "source/admin/json_writer.h"

namespace pillion::admin {
namespace {

TEST(ParseTarget, PathAndQuery) {
  Request request;
  ASSERT_TRUE(ParseTarget("/stats?usedonly&filter=a%2Eb+%zz%4&&format=json&format=text", request));
  EXPECT_EQ(request.path, "/stats");
  EXPECT_EQ(*request.Find("filter"), "a.b+%zz%4");
  EXPECT_EQ(request.Find("usedonly"), nullptr);
  EXPECT_EQ(*request.Find("format"), "text");
  EXPECT_EQ(request.Find("none"), nullptr);
  EXPECT_FALSE(ParseTarget("", request));
  EXPECT_FALSE(ParseTarget("*", request));
  EXPECT_FALSE(ParseTarget("http://h/", request));
}

TEST(Request, Flags) {
  Request request;
  ASSERT_TRUE(ParseTarget("/x?a&b=true&c=false&d=", request));
  EXPECT_TRUE(request.Flag("a"));
  EXPECT_TRUE(request.Flag("b"));
  EXPECT_FALSE(request.Flag("c"));
  EXPECT_TRUE(request.Flag("d"));
  EXPECT_FALSE(request.Flag("e"));
}

TEST(AddForm, AddsToTheQuery) {
  Request request;
  ASSERT_TRUE(ParseTarget("/logging?level=info", request));
  AddForm("level=debug&paths=a%3Ab+c&blank=", request);
  EXPECT_EQ(*request.Find("level"), "debug");
  EXPECT_EQ(*request.Find("paths"), "a:b c");
  EXPECT_EQ(request.Find("blank"), nullptr);
}

TEST(JsonWriter, IndentsByOneSpace) {
  JsonWriter json;
  json.String("a", "<\"");
  json.BeginArray("b");
  json.BeginElement();
  json.Number64("n", 5);
  json.EndObject();
  json.Raw("", "{\n \"x\": 1\n}");
  json.EndArray();
  json.BeginObject("empty");
  json.EndObject();
  json.Bool("c", true);
  EXPECT_EQ(json.Finish(),
            "{\n \"a\": \"\\u003c\\\"\",\n \"b\": [\n  {\n   \"n\": \"5\"\n  },\n  {\n   \"x\": 1\n  }\n ],\n"
            " \"empty\": {},\n \"c\": true\n}\n");
}

}  // namespace
}  // namespace pillion::admin
