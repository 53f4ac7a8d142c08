#include "source/codec/grpc/message.h"

#include <gtest/gtest.h>

#include <vector>

#include "source/base/random.h"

namespace pillion::codec::grpc {
namespace {

TEST(FrameTest, PrefixAndMessage) {
  EXPECT_EQ(Frame("ab"), std::string("\0\0\0\0\2ab", 7));
  EXPECT_EQ(Frame(""), std::string("\0\0\0\0\0", 5));
  EXPECT_EQ(Frame(std::string(0x10203, 'x')).substr(0, 5), std::string("\0\0\1\2\3", 5));
}

TEST(MessageReaderTest, PiecesOfAnySize) {
  base::Random random(7);
  std::vector<std::string> sent;
  std::string bytes;
  for (int i = 0; i < 200; ++i) {
    sent.emplace_back(random.Below(3) == 0 ? 0 : random.Below(1000), static_cast<char>('a' + i % 26));
    bytes += Frame(sent.back());
  }
  for (const size_t most : {size_t{1}, size_t{7}, size_t{4000}}) {
    MessageReader reader(1000);
    std::vector<std::string> received;
    for (size_t at = 0; at < bytes.size();) {
      const size_t piece = 1 + random.Below(most);
      reader.Append(std::string_view(bytes).substr(at, piece));
      at += piece;
      while (auto message = reader.Next()) received.push_back(*std::move(message));
    }
    EXPECT_EQ(received, sent);
    EXPECT_FALSE(reader.partial());
    EXPECT_EQ(reader.error(), MessageReader::Error::kNone);
  }
}

TEST(MessageReaderTest, ASizeBeyondTheLimitIsNotWaitedFor) {
  MessageReader reader(4);
  reader.Append(Frame("four"));
  EXPECT_EQ(reader.Next(), "four");
  reader.Append(Frame("fives").substr(0, 5));
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_EQ(reader.error(), MessageReader::Error::kTooLong);
  EXPECT_EQ(reader.too_long(), 5u);
  reader.Append(Frame("a"));
  EXPECT_EQ(reader.Next(), std::nullopt);
}

// A length costs nothing before the bytes are there.
TEST(MessageReaderTest, ALengthThatIsOnlyAnnounced) {
  MessageReader reader(1 << 30);
  reader.Append(std::string("\0\x3f\0\0\0x", 6));
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_EQ(reader.error(), MessageReader::Error::kNone);
  EXPECT_LT(reader.capacity(), 1000u);
}

TEST(MessageReaderTest, Compressed) {
  MessageReader reader(4);
  reader.Append(std::string("\1\0\0\0\1x", 6));
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_EQ(reader.error(), MessageReader::Error::kCompressed);
}

TEST(MessageReaderTest, RoomIsGivenBack) {
  MessageReader reader(4'000'000);
  for (int i = 0; i < 2; ++i) {
    const std::string bytes = Frame(std::string(3'000'000, 'x'));
    for (size_t at = 0; at < bytes.size(); at += 16'000) {
      EXPECT_EQ(reader.Next(), std::nullopt);
      reader.Append(std::string_view(bytes).substr(at, 16'000));
    }
    EXPECT_GE(reader.capacity(), 3'000'000u);
    EXPECT_EQ(reader.Next()->size(), 3'000'000u);
    EXPECT_EQ(reader.Next(), std::nullopt);
    EXPECT_LE(reader.capacity(), 64u * 1024);
  }
}

TEST(MessageReaderTest, CutOff) {
  MessageReader reader(4);
  reader.Append(Frame("four").substr(0, 8));
  EXPECT_EQ(reader.Next(), std::nullopt);
  EXPECT_EQ(reader.error(), MessageReader::Error::kNone);
  EXPECT_TRUE(reader.partial());
}

// Whatever comes: no byte is read that is not there, and what is held stays bounded by what came.
TEST(MessageReaderTest, AnyBytes) {
  base::Random random(11);
  for (int round = 0; round < 2000; ++round) {
    MessageReader reader(64);
    size_t given = 0;
    size_t taken = 0;
    for (int piece = 0; piece < 5; ++piece) {
      std::string bytes(random.Below(40), '\0');
      for (char& byte : bytes) byte = static_cast<char>(random.Below(4) == 0 ? random.Below(256) : 0);
      given += bytes.size();
      reader.Append(bytes);
      while (const auto message = reader.Next()) {
        EXPECT_LE(message->size(), 64u);
        taken += kPrefixBytes + message->size();
      }
    }
    EXPECT_LE(taken, given);
  }
}

}  // namespace
}  // namespace pillion::codec::grpc
