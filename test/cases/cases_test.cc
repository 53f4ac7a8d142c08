// Plays every .txt file of this folder as a test of its name; byte by byte as a second one.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/cases/case.h"

namespace pillion::test {
namespace {

constexpr char kFolder[] = "test/cases";

class CaseTest : public testing::Test {
 public:
  CaseTest(std::string file, const Case& c, bool split) : file_(std::move(file)), case_(c), split_(split) {}
  void TestBody() override { PlayCase(file_, case_, split_); }

 private:
  const std::string file_;
  const Case case_;
  const bool split_;
};

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

size_t RegisterAll() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    // What is wrong with a file fails the whole program.
    const Case c = ParseCase(file.string(), ReadFile(file));
    for (const bool split : {false, true}) {
      if (split && !c.split) continue;
      testing::RegisterTest(split ? "CaseByteByByte" : "Case", file.stem().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [=]() -> CaseTest* { return new CaseTest(file.string(), c, split); });
    }
  }
  return files.size();
}

}  // namespace
}  // namespace pillion::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (pillion::test::RegisterAll() == 0) {
    std::fputs("no cases found\n", stderr);
    return 1;
  }
  return RUN_ALL_TESTS();
}
