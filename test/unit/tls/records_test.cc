#include "source/tls/records.h"

#include <openssl/ssl.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pillion::tls {
namespace {

using What = Records::Opened::What;

std::string Bytes(absl::string_view hexadecimal) {
  std::string digits;
  for (const char c : hexadecimal) {
    if (c != ' ') digits += c;
  }
  return absl::HexStringToBytes(digits);
}

TrafficSecret Secret(const std::string& bytes) {
  TrafficSecret secret;
  secret.size = bytes.size();
  std::copy(bytes.begin(), bytes.end(), secret.bytes.begin());
  return secret;
}

// RFC 8448, 3: the traffic secrets of the simple handshake.
const TrafficSecret kClient =
    Secret(Bytes("9e40646ce79a7f9dc05af8889bce6552 875afa0b06df0087f792ebb7c17504a5"));
const TrafficSecret kServer =
    Secret(Bytes("a11af9f05531f856ad47116b45a95032 8204b4f44bfb6b3a4b4f1f3fcb631643"));

// Two ends, and records in between.
class RecordsTest : public ::testing::TestWithParam<Suite> {
 protected:
  static TrafficSecret For(Suite suite, char fill) {
    return Secret(std::string(suite == Suite::kAes256Gcm ? 48 : 32, fill));
  }

  RecordsTest() : RecordsTest(GetParamOr()) {}
  explicit RecordsTest(Suite suite)
      : client_(suite, For(suite, 's'), For(suite, 'c'), false), server_(suite, For(suite, 'c'), For(suite, 's'), true) {}

  static Suite GetParamOr() {
    const bool has = ::testing::UnitTest::GetInstance()->current_test_info()->value_param() != nullptr;
    return has ? GetParam() : Suite::kAes128Gcm;
  }

  static std::string Sealed(Records& by, RecordType type, std::string text) {
    std::string record(text.size() + Records::kOverhead, '\0');
    const iovec piece = {text.data(), text.size()};
    EXPECT_EQ(by.Seal(type, {&piece, 1}, record.data()), record.size());
    return record;
  }
  static Records::Opened Opened(Records& by, std::string record, std::string* text = nullptr) {
    EXPECT_EQ(Records::SizeOf(record), record.size());
    std::string content(record.size(), '\0');
    const Records::Opened opened = by.Open(record, content.data());
    if (text != nullptr) *text = content.substr(0, opened.size);
    return opened;
  }
  // What the server says to a message of the client's.
  Records::Opened Message(RecordType type, std::string text) {
    return Opened(server_, Sealed(client_, type, std::move(text)));
  }

  Records client_;
  Records server_;
};

TEST(Records, AsTheTraceOfTheStandard) {
  std::string content;
  for (int i = 0; i < 50; ++i) content += static_cast<char>(i);
  TrafficSecret server = kServer;
  server.sequence = 1;  // its ticket was the first record
  Records client(Suite::kAes128Gcm, server, kClient, false);
  Records peer(Suite::kAes128Gcm, kClient, server, true);
  const iovec piece = {content.data(), content.size()};
  std::string record(content.size() + Records::kOverhead, '\0');
  ASSERT_EQ(client.Seal(RecordType::kData, {&piece, 1}, record.data()), record.size());
  EXPECT_EQ(absl::BytesToHexString(record),
            "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a297"
            "7014bd1e3deae63aeebb21694915e4");
  ASSERT_EQ(peer.Seal(RecordType::kData, {&piece, 1}, record.data()), record.size());
  EXPECT_EQ(absl::BytesToHexString(record),
            "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c"
            "0047c2abf332540dd032e167c2955d");
}

TEST_P(RecordsTest, ThereAndBack) {
  std::mt19937 random(7);
  for (const size_t size : {size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{1000}, Records::kMostContent}) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    // In pieces of any size, and opened in place.
    std::vector<iovec> pieces;
    for (size_t at = 0; at < size;) {
      const size_t part = std::min<size_t>(size - at, 1 + random() % 700);
      pieces.push_back({text.data() + at, part});
      at += part;
    }
    std::string record(size + Records::kOverhead, '\0');
    ASSERT_EQ(client_.Seal(RecordType::kData, pieces, record.data()), record.size());
    char* const content = record.data() + Records::kHeader;
    const Records::Opened opened = server_.Open(record, content);
    ASSERT_EQ(opened.what, What::kData) << size;
    EXPECT_EQ(std::string(content, opened.size), text);
  }
}

TEST_P(RecordsTest, EachBitCounts) {
  const std::string record = Sealed(client_, RecordType::kData, "hello");
  for (size_t bit = 8 * Records::kHeader; bit < 8 * record.size(); bit += 3) {
    std::string other = record;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
    Records server(GetParam(), For(GetParam(), 'c'), For(GetParam(), 's'), true);
    const Records::Opened opened = Opened(server, other);
    ASSERT_EQ(opened.what, What::kBroken) << bit;
    EXPECT_EQ(opened.alert, SSL_AD_BAD_RECORD_MAC);
  }
}

TEST_P(RecordsTest, KeysChange) {
  std::string text;
  EXPECT_EQ(Message(RecordType::kHandshake, std::string("\x18\0\0\1\1", 5)).what, What::kMessage);
  ASSERT_TRUE(server_.wants_new_key());
  // What the server says then is an answer under the old key; what follows is under the new one.
  std::string answer(Records::kKeyUpdate, '\0');
  ASSERT_EQ(server_.ChangeKey(answer.data()), answer.size());
  EXPECT_FALSE(server_.wants_new_key());
  EXPECT_EQ(Opened(client_, answer).what, What::kMessage);
  EXPECT_FALSE(client_.wants_new_key());
  EXPECT_EQ(Opened(client_, Sealed(server_, RecordType::kData, "new"), &text).what, What::kData);
  EXPECT_EQ(text, "new");
}

INSTANTIATE_TEST_SUITE_P(Suites, RecordsTest,
                         ::testing::Values(Suite::kAes128Gcm, Suite::kAes256Gcm, Suite::kChacha20Poly1305));

using OneSuite = RecordsTest;

TEST_F(OneSuite, RecordsComeInTheirOrder) {
  const std::string first = Sealed(client_, RecordType::kData, "1");
  const std::string second = Sealed(client_, RecordType::kData, "2");
  EXPECT_EQ(Opened(server_, second).alert, SSL_AD_BAD_RECORD_MAC);
}

TEST_F(OneSuite, ARecordIsNotTakenTwice) {
  const std::string record = Sealed(client_, RecordType::kData, "1");
  EXPECT_EQ(Opened(server_, record).what, What::kData);
  EXPECT_EQ(Opened(server_, record).what, What::kBroken);
}

TEST_F(OneSuite, WhatCantBeARecord) {
  const auto said = [](std::string header) {
    Records server(Suite::kAes128Gcm, kClient, kServer, true);
    header += std::string(40, 'x');
    EXPECT_EQ(Records::SizeOf(header), Records::kHeader);
    char nowhere[64];
    const Records::Opened opened = server.Open(header.substr(0, Records::kHeader), nowhere);
    EXPECT_EQ(opened.what, What::kBroken);
    return static_cast<int>(opened.alert);
  };
  EXPECT_EQ(said(Bytes("1603030020")), SSL_AD_UNEXPECTED_MESSAGE);
  EXPECT_EQ(said(Bytes("1403030001")), SSL_AD_UNEXPECTED_MESSAGE);  // good in a handshake only
  EXPECT_EQ(said(Bytes("1703010020")), SSL_AD_DECODE_ERROR);
  EXPECT_EQ(said(Bytes("1703034101")), SSL_AD_RECORD_OVERFLOW);
  EXPECT_EQ(said(Bytes("1703030010")), SSL_AD_BAD_RECORD_MAC);  // not even a type
  EXPECT_EQ(Records::SizeOf(Bytes("17030320")), 0u);
  EXPECT_EQ(Records::SizeOf(Bytes("1703034100")), Records::kMostSealed);
}

TEST_F(OneSuite, Padding) {
  // By hand: a record's type and padding are content to who seals.
  std::string text;
  const auto padded = [this](std::string content) {
    // Data that ends with zeros and a type: the type of Seal() comes behind it and is the last padding's end.
    return Sealed(client_, static_cast<RecordType>(0), std::move(content));
  };
  EXPECT_EQ(Opened(server_, padded(std::string("hi\x17\0\0\0", 6)), &text).what, What::kData);
  EXPECT_EQ(text, "hi");
  EXPECT_EQ(Opened(server_, padded(std::string(10, '\0'))).alert, SSL_AD_UNEXPECTED_MESSAGE);
}

TEST_F(OneSuite, Ends) {
  EXPECT_EQ(Message(RecordType::kAlert, std::string("\1\0", 2)).what, What::kEnd);
  EXPECT_EQ(Message(RecordType::kAlert, std::string("\1\x5a", 2)).what, What::kMessage);  // user_canceled: the end comes
  const Records::Opened alert = Message(RecordType::kAlert, std::string("\2\x2d", 2));
  EXPECT_EQ(alert.what, What::kAlert);
  EXPECT_EQ(alert.alert, SSL_AD_CERTIFICATE_EXPIRED);
  EXPECT_EQ(Message(RecordType::kAlert, "\1").alert, SSL_AD_DECODE_ERROR);
}

TEST_F(OneSuite, MessagesThatMayNotCome) {
  const auto said = [this](std::string text) {
    const Records::Opened opened = Message(RecordType::kHandshake, std::move(text));
    EXPECT_EQ(opened.what, What::kBroken);
    return static_cast<int>(opened.alert);
  };
  EXPECT_EQ(said(""), SSL_AD_UNEXPECTED_MESSAGE);
  EXPECT_EQ(said(std::string("\x18\0\0\1\2", 5)), SSL_AD_ILLEGAL_PARAMETER);
  EXPECT_EQ(said(std::string("\x18\0\0\2\1\1", 6)), SSL_AD_DECODE_ERROR);
  EXPECT_EQ(said(std::string("\x18\0\0\1\0\x18\0\0\1\0", 10)), SSL_AD_UNEXPECTED_MESSAGE);  // behind it the key is another
  EXPECT_EQ(said(std::string("\1\0\0\1\0", 5)), SSL_AD_UNEXPECTED_MESSAGE);                 // renegotiation
  EXPECT_EQ(said(std::string("\4\0\0\1\0", 5)), SSL_AD_UNEXPECTED_MESSAGE);                 // a ticket from a client
  EXPECT_EQ(said(std::string("\x18\0", 2)), SSL_AD_UNEXPECTED_MESSAGE);
  EXPECT_EQ(Message(static_cast<RecordType>(20), "x").alert, SSL_AD_UNEXPECTED_MESSAGE);
}

TEST_F(OneSuite, ATicketMayComeInParts) {
  const auto from_server = [this](RecordType type, std::string text) {
    return Opened(client_, Sealed(server_, type, std::move(text))).what;
  };
  EXPECT_EQ(from_server(RecordType::kHandshake, std::string("\4\0\0\6ab", 6)), What::kMessage);
  EXPECT_EQ(from_server(RecordType::kHandshake, "cdef"), What::kMessage);
  EXPECT_EQ(from_server(RecordType::kData, "data"), What::kData);
  EXPECT_EQ(from_server(RecordType::kHandshake, std::string("\4\0\0\6ab", 6)), What::kMessage);
  EXPECT_EQ(from_server(RecordType::kData, "data"), What::kBroken);
}

TEST_F(OneSuite, DataOfNoLengthIsNone) { EXPECT_EQ(Message(RecordType::kData, "").what, What::kMessage); }

}  // namespace
}  // namespace pillion::tls
