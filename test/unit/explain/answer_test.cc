#include "source/explain/answer.h"

#include <gtest/gtest.h>

namespace pillion::explain {
namespace {

Answer Example() {
  Answer answer;
  answer.Text("result", "a \"b\"\n");
  answer.Elements("none");
  Answer& host = answer.Object("virtual_host");
  host.Number("number", 3);
  host.Flag("last", true);
  Answer::List& routes = answer.Elements("not_taken");
  Answer& first = routes.Object();
  first.Number("route", 0);
  first.Text("why", "path");
  routes.Text("and 2 more");
  return answer;
}

TEST(Answer, AsText) {
  EXPECT_EQ(Example().ToText(),
            "result: a \"b\"\\n\n"
            "virtual host:\n"
            "  number: 3\n"
            "  last: yes\n"
            "not taken:\n"
            "  - route: 0\n"
            "    why: path\n"
            "  - and 2 more\n");
}

TEST(Answer, AsJson) {
  EXPECT_EQ(Example().ToJson(),
            "{\n"
            " \"result\": \"a \\\"b\\\"\\n\",\n"
            " \"none\": [],\n"
            " \"virtual_host\": {\n"
            "  \"number\": 3,\n"
            "  \"last\": true\n"
            " },\n"
            " \"not_taken\": [\n"
            "  {\n"
            "   \"route\": 0,\n"
            "   \"why\": \"path\"\n"
            "  },\n"
            "  \"and 2 more\"\n"
            " ]\n"
            "}\n");
}

TEST(Answer, OneBehindAnother) {
  Answer answer;
  answer.Text("a", "1");
  Answer more;
  more.Text("b", "2");
  answer.Append(std::move(more));
  EXPECT_EQ(answer.ToText(), "a: 1\nb: 2\n");
}

}  // namespace
}  // namespace pillion::explain
