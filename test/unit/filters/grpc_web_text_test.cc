#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "source/filters/grpc_web/text.h"

namespace pillion::filters::grpc_web {
namespace {

std::string Frame(std::string_view data, char flags = 0) {
  return std::string(1, flags) + std::string(3, '\0') + static_cast<char>(data.size()) + std::string(data);
}

// Cut into pieces of that many bytes; nothing: it is no base64.
std::optional<std::string> Decoded(std::string_view text, size_t cut = 1) {
  base::BlockPool blocks;
  TextReader reader;
  std::string bytes;
  for (size_t at = 0; at < text.size(); at += cut) {
    const std::optional<base::Slice> some = reader.Read(blocks, text.substr(at, cut));
    if (!some) return std::nullopt;
    bytes += some->view();
  }
  if (reader.partial()) return std::nullopt;
  return bytes;
}

std::string Encoded(std::string_view bytes, size_t cut = 1) {
  base::BlockPool blocks;
  base::Buffer out(blocks);
  TextWriter writer;
  for (size_t at = 0; at < bytes.size(); at += cut) writer.Write(bytes.substr(at, cut), out);
  writer.Finish(out);
  return out.ToString();
}

TEST(GrpcWebTextTest, ReadsHoweverItIsCut) {
  // "hello, world" and, padded in the middle, "a", "bc", "def".
  constexpr std::string_view kText = "aGVsbG8sIHdvcmxkYQ==YmM=ZGVm";
  for (size_t cut = 1; cut <= kText.size(); ++cut) EXPECT_EQ(Decoded(kText, cut), "hello, worldabcdef") << cut;
  EXPECT_EQ(Decoded(""), "");
}

TEST(GrpcWebTextTest, RefusesWhatIsNoBase64) {
  for (const std::string_view text : {"A===", "====", "AA=A", "A", "AA", "AAA", "AA==A", "AA A", "AA\r\n", "-_-_", "AB=="}) {
    for (size_t cut = 1; cut <= 4; ++cut) EXPECT_EQ(Decoded(text, cut), std::nullopt) << text << " " << cut;
  }
}

TEST(GrpcWebTextTest, PadsEachFrame) {
  const std::string frames = Frame("a") + Frame("") + Frame("abcd") + Frame("x:y\r\n", '\x80');
  for (size_t cut = 1; cut <= frames.size(); ++cut) {
    EXPECT_EQ(Encoded(frames, cut), "AAAAAAFhAAAAAAA=AAAAAARhYmNkgAAAAAV4OnkNCg==") << cut;
  }
}

TEST(GrpcWebTextTest, ACutOffFrameIsPaddedWhereItEnds) {
  EXPECT_EQ(Encoded(std::string("\0\0", 2)), "AAA=");
  EXPECT_EQ(Encoded(Frame("abcd").substr(0, 7)), "AAAAAARhYg==");
}

TEST(GrpcWebTextTest, ReadsWhatItWrites) {
  std::string frames;
  for (size_t size = 0; size < 200; ++size) frames += Frame(std::string(size % 128, static_cast<char>(size)));
  for (const size_t cut : {1, 7, 1000, 100000}) EXPECT_EQ(Decoded(Encoded(frames, cut), 64000), frames) << cut;
}

TEST(GrpcWebTextTest, LongFrames) {
  std::string frame = std::string("\0\0\1\x86\xa0", 5) + std::string(100'000, 'x');
  const std::string text = Encoded(frame, 60'000);
  EXPECT_EQ(Decoded(text, 60'000), frame);
  EXPECT_EQ(text, Encoded(frame, 1));
}

}  // namespace
}  // namespace pillion::filters::grpc_web
