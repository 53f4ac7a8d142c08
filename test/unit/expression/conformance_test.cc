// The public conformance cases of CEL that fall in the subset: test/vectors/expression/.

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "source/expression/compiler.h"
#include "source/expression/evaluator.h"
#include "test/unit/expression/request.h"

namespace pillion::expression {
namespace {

class ConformanceTest : public testing::TestWithParam<const char*> {
 protected:
  void Forget() {
    catalog_ = Catalog();
    request_ = TestRequest();
  }
  // "x = {'a': 1}"
  void Let(const std::string& line) {
    const size_t equals = line.find(" = ");
    ASSERT_NE(equals, std::string::npos);
    programs_.push_back(*Compile(line.substr(equals + 3)));
    const Value value = Evaluate(*programs_.back(), request_, arena_);
    ASSERT_FALSE(value.is_error());
    const auto id = static_cast<Attribute>(static_cast<size_t>(Attribute::kFirstOther) + programs_.size());
    Catalog catalog;  // a name that is there already has the later value
    for (const Catalog::Entry& entry : catalog_.entries()) {
      if (entry.name != line.substr(0, equals)) catalog.Add(entry);
    }
    catalog.Add({line.substr(0, equals), id, programs_.back()->result()});
    catalog_ = catalog;
    request_.values[id] = value;
  }

  std::string Run(const std::string& text, bool types) {
    const auto program = Compile(text, {.check = {.catalog = &catalog_, .types = types}});
    if (!program.ok()) return "refused: " + std::string(program.status().message());
    programs_.push_back(*program);
    return Show(Evaluate(**program, request_, arena_));
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  std::vector<std::shared_ptr<const Program>> programs_;  // values are views into their constants
  Catalog catalog_;
  TestRequest request_;
};

TEST_P(ConformanceTest, GivesWhatTheyGive) {
  const std::string name = std::string("test/vectors/expression/") + GetParam() + ".txt";
  std::ifstream in(name);
  ASSERT_TRUE(in) << name;
  size_t number = 0, cases = 0;
  for (std::string line; std::getline(in, line);) {
    SCOPED_TRACE(name + ":" + std::to_string(++number));
    if (line.starts_with("== ")) {
      Forget();
    } else if (line.starts_with("let ")) {
      Let(line.substr(4));
    } else {
      const bool unchecked = line.starts_with("unchecked ");
      if (unchecked) line.erase(0, 10);
      const size_t arrow = line.rfind(" => ");
      ASSERT_NE(arrow, std::string::npos);
      EXPECT_EQ(Run(line.substr(0, arrow), !unchecked), line.substr(arrow + 4));
      ++cases;
    }
  }
  EXPECT_GE(cases, 3u);
}

INSTANTIATE_TEST_SUITE_P(Files, ConformanceTest,
                         testing::Values("basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists",
                                         "logic", "macros", "parse", "string", "timestamps"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace pillion::expression
